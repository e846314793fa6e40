import { existsSync } from 'node:fs';
import path from 'node:path';
import { flag } from '@mirror/core/cli';

/** `--manifest` of a command that looks at what earlier runs recorded. */
export function earlierManifestFlag(group: string, describe: string): ReturnType<typeof flag.string> {
  return flag.string({
    group,
    value: 'FILE',
    describe: `${describe} (default manifest.jsonl, and where there is none .mirror/manifest.jsonl of the mirror)`,
  });
}

/**
 * The manifest that earlier runs wrote: the named one, else `manifest.jsonl` here, else the one that mirror-index-sync has the
 * downloader keep inside the mirror. Without a name and without either it is `manifest.jsonl`.
 */
export function earlierManifest(values: { readonly manifest: string | undefined; readonly out: string }): string {
  if (values.manifest !== undefined) return values.manifest;
  const inside = path.join(values.out, '.mirror', 'manifest.jsonl');
  return !existsSync(HERE) && existsSync(inside) ? inside : HERE;
}

const HERE = 'manifest.jsonl';
