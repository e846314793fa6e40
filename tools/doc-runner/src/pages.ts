import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { workspaceRoot } from '@mirror-tools/check/workspace';

/** The pages of the documentation that have commands, as paths from the top of the workspace, sorted. */
export function documentationPages(): readonly string[] {
  const found = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(workspaceRoot, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => path.posix.join(folder, file.split(path.sep).join('/')))
      .filter((file) => file.endsWith('.md') && !/node_modules|\/(dist|src|test)\//.test(file)),
  );
  const top = readdirSync(workspaceRoot).filter((file) => file.endsWith('.md'));
  return [...top, ...found].filter((file) => /^ *```(sh|bash|console|js)$/m.test(readPageFile(file))).sort();
}

/** The text of a page, with `\n` for line ends. */
export function readPageFile(file: string): string {
  return readFileSync(path.join(workspaceRoot, file), 'utf8').replaceAll('\r\n', '\n');
}

/** Pages of measurements: their commands take minutes and a quiet machine, so that only their flags are looked at. */
export function isMeasurement(file: string): boolean {
  return file.startsWith('docs/performance') || file.startsWith('tools/bench/');
}

const FOLDERS = ['docs', 'packages', 'tools'];
