import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { MirrorError } from '@mirror/core/errors';
import { replaceFile } from '@mirror/core/io';
import { LAYOUTS, parseLayoutPath } from '@mirror/core/mirror';
import type { Layout } from '@mirror/core/mirror';
import { mirrorFiles } from './mirror-files.ts';

/** Where a mirror says how it is arranged, a path inside it. */
export const LAYOUT_FILE = '.mirror/layout.json';

const SCHEMA_VERSION = 1;

/**
 * How the mirror at `root` is arranged: as its layout file says; else as the first file shows that only one layout has a place for; else, in a
 * new mirror, as `given` says, `shard` by default.
 *
 * @throws {MirrorError} ERR_USAGE when `given` is another layout than the mirror's; ERR_CONFIG for a layout file that is none
 */
export async function layoutOfMirror(root: string, given: Layout | undefined): Promise<Layout> {
  const found = readLayout(root) ?? (await guessLayout(root));
  if (found === undefined || given === undefined || given === found) return found ?? given ?? 'shard';
  throw new MirrorError('ERR_USAGE', `${root} is arranged as ${found}, not as ${given}`, {
    hint: 'a mirror has one layout: leave --layout out, or name a new directory with --out',
  });
}

/** Have the mirror say how it is arranged, if it does not yet. For who holds its lock. @throws {MirrorError} as `layoutOfMirror` */
export async function keepLayout(root: string, layout: Layout): Promise<void> {
  await layoutOfMirror(root, layout);
  if (existsSync(path.join(root, LAYOUT_FILE))) return;
  replaceFile(LAYOUT_FILE, `${JSON.stringify({ schema_version: SCHEMA_VERSION, layout })}\n`, { within: root });
}

function readLayout(root: string): Layout | undefined {
  const file = path.join(root, LAYOUT_FILE);
  if (!existsSync(file)) return undefined;
  const { layout, schema_version: version } = parsed(readFileSync(file, 'utf8'));
  const known = LAYOUTS.find((each) => each === layout);
  if (known !== undefined && version === SCHEMA_VERSION) return known;
  throw new MirrorError(
    'ERR_CONFIG',
    `${file}: expected {"schema_version":${String(SCHEMA_VERSION)},"layout":"shard" or "cargo"}`,
    {
      hint: 'delete it to have the layout found from the files',
    },
  );
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** Mirrors of earlier versions do not say. */
async function guessLayout(root: string): Promise<Layout | undefined> {
  if (!existsSync(root)) return undefined;
  for await (const items of mirrorFiles(root)) {
    for (const { path: file, kind } of items) {
      const fits = kind === 'file' ? LAYOUTS.filter((layout) => parseLayoutPath(layout, file) !== undefined) : [];
      if (fits.length === 1) return fits[0];
    }
  }
  return undefined;
}
