import { existsSync } from 'node:fs';
import path from 'node:path';
import { flag } from '@mirror/core/cli';
import type { Flag } from '@mirror/core/cli';
import type { Log } from '@mirror/core/log';
import type { Layout } from '@mirror/core/mirror';
import { OWN_FOLDER } from './own-folder.ts';

/** `--layout`, without a default: a mirror knows its own. */
export function layoutFlag(group: string): Flag<Layout | undefined> {
  const choice = flag.choice({
    group,
    describe: 'where files go: s/er/serde-1.0.0.crate or se/rd/serde-1.0.0.crate',
    choices: ['shard', 'cargo'],
    default: 'shard',
  });
  return { ...choice, default: undefined, defaultText: 'that of the mirror, shard for a new one' };
}

/** `--manifest`, without a default: see `manifestOf`. */
export function manifestFlag(group: string, describe: string): ReturnType<typeof flag.string> {
  return flag.string({ group, value: 'FILE', describe, defaultText: '.mirror/manifest.jsonl of the mirror' });
}

/**
 * The manifest of a mirror: the named one, else `.mirror/manifest.jsonl` inside it. Earlier versions kept it in the working directory: as long as only that one
 * is there, and the mirror is not new, it is used on, and said so.
 */
export function manifestOf(
  { manifest, out }: { readonly manifest: string | undefined; readonly out: string },
  log: Log,
): string {
  if (manifest !== undefined) return manifest;
  const inside = path.join(out, OWN_FOLDER, 'manifest.jsonl');
  if (existsSync(inside) || !existsSync(FORMER) || !existsSync(path.join(out, OWN_FOLDER))) return inside;
  log.warn('using the manifest of an earlier version in the working directory; move it into the mirror', {
    from: FORMER,
    to: inside,
  });
  return FORMER;
}

/** In the working directory. */
const FORMER = 'manifest.jsonl';
