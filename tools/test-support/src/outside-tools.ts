import { it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** Whether the program `name` is on the PATH and can be started: cargo may be a shim without a toolchain behind it. */
export function hasTool(name: string): boolean {
  return isOnPath(name) && (name !== 'cargo' || spawnSync(name, ['--version']).status === 0);
}

function isOnPath(name: string): boolean {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .some((dir) => endings.some((end) => isExecutable(path.join(dir, name + end))));
}

/**
 * Declare a test that needs outside programs as judges. Where one is missing the test is reported as skipped, with the
 * missing program in its title; never as passed.
 */
export function itWith(
  tools: readonly string[],
  title: string,
  run: () => void | Promise<void>,
  timeoutMs?: number,
): void {
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length === 0) it(title, run, timeoutMs);
  else it['skip'](`${title} (needs ${missing.join(', ')})`, run, timeoutMs);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
