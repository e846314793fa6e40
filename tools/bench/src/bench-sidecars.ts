import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { layoutPath, readIndexFiles } from '@mirror/core';
import type { BenchOptions } from './bench-options.ts';
import { builtBin } from './built-bin.ts';
import { compare } from './compare.ts';
import { makeIndex } from './make-index.ts';
import { createScratch } from './workspace.ts';

/**
 * Compare the making of all sidecars of an index, as files and as bundles, with a plain loop that creates as many files of their mean size at the same
 * paths, each under a temporary name first.
 */
export async function benchSidecars(options: BenchOptions & { readonly crates: number }): Promise<void> {
  const scratch = createScratch(options.out);
  try {
    const { index } = makeIndex(scratch.directory, options.crates);
    const list = path.join(scratch.directory, 'paths');
    const { versions, bytes } = await listSidecars(index, list);
    options.say(`${versions} versions, sidecars of about ${Math.round(bytes / versions)} bytes\n`);
    const loop = fileURLToPath(new URL('./create-files-loop.js', import.meta.url));
    const sidecars = [
      process.execPath,
      builtBin('@mirror/sidecars'),
      '--index-dir',
      index,
      '--include-yanked',
    ] as const;
    const quiet = ['--progress=false', '--log-level', 'warn'];
    await compare({
      ...options,
      contenders: [
        {
          name: 'floor',
          commands: (out) => [[process.execPath, loop, list, out, String(Math.round(bytes / versions))]],
        },
        { name: 'files', commands: (out) => [[...sidecars, '--out', out, ...quiet]] },
        { name: 'tar.zst', commands: (out) => [[...sidecars, '--out', out, '--format', 'tar.zst', ...quiet]] },
      ],
      workload: { files: versions, bytes },
      reference: 'floor',
      scratch,
    });
  } finally {
    scratch.remove();
  }
}

/** Write the paths of all sidecars of an index to `list`. Indenting makes a line about 1.65 times as long. */
async function listSidecars(index: string, list: string): Promise<{ versions: number; bytes: number }> {
  const out = createWriteStream(list);
  let versions = 0;
  let bytes = 0;
  for await (const { entries } of readIndexFiles(index, { withText: true })) {
    for (const { name, vers, text = '' } of entries) {
      out.write(`${layoutPath('shard', name, vers)}.json\n`);
      versions += 1;
      bytes += Math.round(text.length * INDENTED);
    }
  }
  out.end();
  await finished(out);
  return { versions, bytes };
}

const INDENTED = 1.65;
