import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchOptions } from './bench-options.ts';
import { builtBin } from './built-bin.ts';
import { compare } from './compare.ts';
import { makeCompleteMirror } from './complete-mirror.ts';
import { makeIndex } from './make-index.ts';
import type { CommandLine } from './run-command.ts';
import { createScratch } from './workspace.ts';

/**
 * Compare a run over a mirror that has everything, and its manifest, with the reading of the index alone. Its peak of memory is the
 * one of a run that has so many versions to look at.
 */
export async function benchNoChange(options: BenchOptions & { readonly crates: number }): Promise<void> {
  const scratch = createScratch(options.out);
  try {
    const mirror = path.join(scratch.directory, 'mirror');
    const manifest = path.join(scratch.directory, 'manifest.jsonl');
    const { index, bytes } = makeIndex(scratch.directory, options.crates);
    const versions = await makeCompleteMirror({ index, mirror, manifest });
    options.say(`${versions} versions\n`);
    const loop = fileURLToPath(new URL('./read-index-loop.js', import.meta.url));
    const run = ['--index-dir', index, '--include-yanked', '--out', mirror, '--manifest', manifest];
    const quiet = ['--progress=false', '--log-level', 'warn'];
    await compare({
      ...options,
      contenders: [
        { name: 'read-index', commands: () => [[process.execPath, loop, index, '2']] },
        ...['manifest', 'listing'].map((level) => ({
          name: `no-change, ${level}`,
          commands: (): readonly CommandLine[] => [
            [process.execPath, builtBin('@mirror/downloader'), ...run, ...NOWHERE, ...quiet, '--resume-check', level],
          ],
        })),
      ],
      workload: { files: versions, bytes },
      reference: 'read-index',
      scratch,
    });
  } finally {
    scratch.remove();
  }
}

/** Nothing listens there: a run that wants to fetch something fails at once. */
const NOWHERE = ['--crates-base-url', 'http://127.0.0.1:9/crates', '--retries', '0'];
