import { fileURLToPath } from 'node:url';
import { builtBin } from './built-bin.ts';
import { compare } from './compare.ts';
import type { Contender } from './compare.ts';
import type { BenchOptions } from './bench-options.ts';
import { makeIndex } from './make-index.ts';
import { createScratch } from './workspace.ts';

/** Compare the reading of an index of `crates` crates with `cat` of the same files. */
export async function benchIndex(options: BenchOptions & { readonly crates: number }): Promise<void> {
  const scratch = createScratch(options.out);
  try {
    const { index, crates, bytes } = makeIndex(scratch.directory, options.crates);
    await compare({
      ...options,
      contenders: contenders(index),
      workload: { files: crates, bytes },
      reference: 'cat',
      scratch,
    });
  } finally {
    scratch.remove();
  }
}

function contenders(index: string): Contender[] {
  const loop = fileURLToPath(new URL('./read-index-loop.js', import.meta.url));
  const node = process.execPath;
  return [
    { name: 'cat', commands: () => [['sh', '-c', 'find "$0" -type f -print0 | xargs -0 cat >/dev/null', index]] },
    { name: 'read-1-thread', commands: () => [[node, loop, index, '1']] },
    { name: 'read-2-threads', commands: () => [[node, loop, index, '2']] },
    {
      name: 'plan',
      commands: (out) => [
        [
          'sh',
          '-c',
          DONE_OR_NO_ROOM,
          node,
          builtBin('@mirror/downloader'),
          'plan',
          '--index-dir',
          index,
          '--out',
          out,
          ...PLAN,
        ],
      ],
    },
  ];
}

const PLAN = ['--include-yanked', '--progress=false', '--log-level', 'error'];

/** The plan is made either way; status 6 says that its crate files would not fit on this disk. */
const DONE_OR_NO_ROOM = '"$0" "$@"; status=$?; test $status -eq 0 || test $status -eq 6';
