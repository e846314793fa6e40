import { CRATES_IO_BASE_URL, registryDl } from '@mirror/core';
import { MirrorError, ifThere } from '@mirror/core/errors';
import { replaceFile } from '@mirror/core/io';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FOLDER = '.mirror-index-sync';
const FILE = 'origin.json';

/**
 * Where the files of the sparse index in `dir` come from; undefined for a folder without any.
 *
 * @throws {MirrorError} ERR_USAGE for files of a registry that is not crates.io, and whose address was not noted
 */
export function sparseOriginOf(dir: string): string | undefined {
  const text = ifThere(() => readFileSync(path.join(dir, FOLDER, FILE), 'utf8'));
  const url = text === undefined ? undefined : /"url":"([^"\\]+)"/.exec(text)?.[1];
  if (url !== undefined || !existsSync(path.join(dir, 'config.json'))) return url;
  const dl = registryDl(dir);
  if (dl === undefined || dl === CRATES_IO_BASE_URL || dl.startsWith('https://crates.io/')) return undefined;
  throw new MirrorError(
    'ERR_USAGE',
    `${dir}: the index is that of another registry than crates.io (${dl}), and its address is not noted`,
    {
      hint: 'name its upstream with --index-url, and confirm it with --change-origin',
    },
  );
}

/** Note where the files come from, once some of them came. */
export function writeSparseOrigin(dir: string, url: string): void {
  const folder = path.join(dir, FOLDER);
  const text = `${JSON.stringify({ schema_version: 1, url })}\n`;
  if (ifThere(() => readFileSync(path.join(folder, FILE), 'utf8')) === text) return;
  mkdirSync(folder, { recursive: true });
  replaceFile(`${FOLDER}/${FILE}`, text, { within: dir });
}
