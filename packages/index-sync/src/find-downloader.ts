import { MirrorError } from '@mirror/core/errors';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A program and its first arguments. */
export type Program = readonly [command: string, ...args: string[]];

/** What the search looks at besides its arguments; by default the machine as it is. */
export interface World {
  readonly platform: NodeJS.Platform;
  readonly exists: (file: string) => boolean;
}

/**
 * Where the downloader is: the given path, else beside this package, else on the PATH.
 *
 * @param selfUrl - of a file in this package's `dist`
 * @throws {MirrorError} ERR_USAGE when it is nowhere, or what was given is a script of the Windows shell
 */
export function findDownloader(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  selfUrl: string,
  world: World = { platform: process.platform, exists: existsSync },
): Program {
  if (given !== undefined) {
    if (world.exists(given)) return asProgram(given);
    throw new MirrorError('ERR_USAGE', `${given}: no downloader there`, { hint: 'see --downloader-path' });
  }
  const isWindows = world.platform === 'win32';
  const { delimiter, dirname, join, resolve } = isWindows ? path.win32 : path.posix;
  const packages = resolve(dirname(fileURLToPath(selfUrl, { windows: isWindows })), '../..');
  const folders = searchPath(env, isWindows).split(delimiter);
  const found = [
    join(packages, 'downloader', 'dist', 'bin.js'),
    ...folders
      .map((folder) => (isWindows ? folder.replaceAll('"', '') : folder)) // Windows takes quotes around a folder
      .filter((folder) => folder !== '')
      .flatMap((folder) => (isWindows ? ON_WINDOWS : ELSEWHERE).map((name) => join(folder, name))),
  ].find((file) => world.exists(file));
  if (found !== undefined) return asProgram(found);
  throw new MirrorError('ERR_USAGE', 'mirror-downloader is not installed', {
    hint: 'npm i -g @mirror/downloader, or --downloader-path FILE',
  });
}

/** Names in the environment of Windows have no case: it mostly is `Path` there. */
function searchPath(env: Readonly<Record<string, string | undefined>>, isWindows: boolean): string {
  if (!isWindows) return env['PATH'] ?? '';
  return Object.entries(env).find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? '';
}

function asProgram(file: string): Program {
  if (/\.(cmd|bat)$/i.test(file)) {
    throw new MirrorError('ERR_USAGE', `${file}: expected a program, found a script of the Windows shell`, {
      hint: 'name the dist/bin.js of @mirror/downloader',
    });
  }
  return /\.[cm]?js$/.test(file) ? [process.execPath, file] : [file];
}

const ELSEWHERE = ['mirror-downloader'];
/**
 * On Windows npm puts a `.cmd` into a folder of the PATH, which only a shell can start. The program that it stands for lies at a
 * known place beside it: for a global installation and for `node_modules/.bin`.
 */
const ON_WINDOWS = [
  'mirror-downloader.exe',
  'node_modules/@mirror/downloader/dist/bin.js',
  '../@mirror/downloader/dist/bin.js',
];
