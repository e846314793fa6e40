import { MirrorError } from '@mirror/core/errors';
import { flag } from '@mirror/core/cli';
import type { CommandContext, Progress } from '@mirror/core/cli';
import { ALGORITHM_NAMES } from './algorithms.ts';

/** Flags of every command that hashes. */
export const sharedFlags = {
  algorithms: flag.list({ describe: `only these: ${ALGORITHM_NAMES.join(' ')}; default all` }),
  'hash-workers': flag.number({ describe: 'threads that hash; default one for each core', min: 1 }),
  engine: flag.choice({
    describe: 'what computes: the fastest that this machine has, or WebAssembly alone',
    choices: ['fastest', 'wasm'],
    default: 'fastest',
  }),
};

/** Show one phase after the other. */
export function followPhases(context: CommandContext): {
  begin(label: string, read: Parameters<CommandContext['progress']>[0]['read']): void;
  tick(): void;
} {
  let shown: Progress | undefined;
  return {
    begin: (label, read) => {
      shown?.stop();
      shown = context.progress({ label, read });
    },
    tick: () => shown?.tick(),
  };
}

/** So many items, in words. */
export function itemsOf(count: number): string {
  return count === 1 ? '1 item' : `${String(count)} items`;
}

/** The value of a flag that must be given. */
export function required(value: string | undefined, name: string): string {
  if (value !== undefined && value !== '') return value;
  throw new MirrorError('ERR_USAGE', `${name} is required`, { hint: 'see mirror-archive-hasher --help' });
}

/** A list that was not given is empty. */
export function chosen(list: readonly string[]): readonly string[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** Since `started` by `performance.now()`, to the millisecond. */
export function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
