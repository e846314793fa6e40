import { setTimeout as sleep } from 'node:timers/promises';
import { createFingerprintSet, fingerprintOf } from '@mirror/core/mirror';
import type { ListItem } from './list-lines.ts';

/** Items of a list of which, of several about one path, only the last is there; some at a time. */
export type LastItems = AsyncGenerator<readonly ListItem[]>;

/**
 * The last item of each path, of a list that can be read twice: the first reading remembers only the paths that occur more than once.
 *
 * @param onRepeated - told of each item that a later one overrules
 */
export async function* lastOfFile(
  first: AsyncIterable<ListItem>,
  second: AsyncIterable<ListItem>,
  onRepeated: () => void,
): LastItems {
  const seen = createFingerprintSet();
  const lastLine = new Map<string, number>();
  for await (const { path, line } of first) {
    const known = seen.size;
    seen.add(fingerprintOf(path));
    if (seen.size === known) lastLine.set(path, line);
  }
  for await (const item of second) {
    if ((lastLine.get(item.path) ?? item.line) === item.line) yield [item];
    else onRepeated();
  }
}

/**
 * The last item of each path, of a list that may come from a program that is still working: what arrives within a quarter of a second is
 * looked at together and then handed on, and of what comes later only what is another file than before.
 */
export async function* lastOfStream(items: AsyncGenerator<ListItem>, onRepeated: () => void): LastItems {
  const seen = createFingerprintSet();
  let held = new Map<string, ListItem>();
  let isDue: Promise<'due'> | undefined;
  const take = (): ListItem[] => {
    const taken = [...held.values()].filter((item) => {
      const known = seen.size;
      seen.add(fingerprintOf(`${item.job?.sha256 ?? ''} ${String(item.job === undefined)} ${item.path}`));
      if (seen.size === known) onRepeated();
      return seen.size > known;
    });
    held = new Map();
    isDue = undefined;
    return taken;
  };
  for (let next = items.next(); ;) {
    const found = isDue === undefined ? await next : await Promise.race([next, isDue]);
    if (found === 'due') yield take();
    else if (found.done === true) {
      yield take();
      return;
    } else {
      next = items.next();
      if (held.delete(found.value.path)) onRepeated();
      held.set(found.value.path, found.value);
      isDue ??= sleep(HELD_MS, 'due' as const, { ref: false });
      if (held.size >= MOST_HELD) yield take();
    }
  }
}

const HELD_MS = 250;
const MOST_HELD = 10_000;
