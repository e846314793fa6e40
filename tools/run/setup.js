// Everything a fresh machine with Node and npm needs before the workspace can be used: the pinned pnpm by npx, the
// locked dependencies, the compiled packages. Plain JavaScript with nothing but Node, since nothing is installed yet.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the workspace. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Install the locked dependencies and compile every package; exits with the status of the step that failed. */
export function setUp() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node 20.19 or later is needed, this is ${process.versions.node}`);
    process.exit(2);
  }
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  step('installing the locked dependencies', npx(), [
    '-y',
    packageManager,
    'install',
    '--frozen-lockfile',
    '--reporter=append-only',
  ]);
  step('compiling', process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-b']);
}

/** Run one step with its output on stderr, so that stdout stays with the job; exits when it fails. */
export function step(title, command, args, env = process.env) {
  console.error(`==> ${title}`);
  // npm hands its own settings down as npm_* variables, which pnpm would take for its own
  const clean = Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name)));
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: clean,
    shell: command.endsWith('.cmd'), // which are for the shell; it would take a path with spaces apart
  });
  if (result.status !== 0) {
    console.error(`==> failed: ${title} (${result.error?.message ?? `status ${result.status}`})`);
    process.exit(result.status || 1);
  }
}

/** The name of npx on this system. */
export function npx() {
  return process.platform === 'win32' ? 'npx.cmd' : 'npx';
}

/** Whether `command` can be started on this machine. */
export function has(command) {
  try {
    execFileSync(process.platform === 'win32' ? 'where' : 'which', [command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
