import type { IndexEntry } from '../index-entry.ts';
import type { LeftOut } from './left-out.ts';

/**
 * What becomes of a version without a publish time where one is asked about. `auto`: in an index it counts as old (crates.io fills the
 * times of old lines in gradually), in a list it is left out.
 */
export type WithoutPubtime = 'auto' | 'hide' | 'show';

/** Which times are wanted, in milliseconds since 1970. */
export interface PublishTimes {
  readonly publishedBefore?: number | undefined;
  readonly publishedAfter?: number | undefined;
  readonly withoutPubtime?: WithoutPubtime | undefined;
}

type Reason = Extract<keyof LeftOut, 'too_new' | 'too_old' | 'without_pubtime'>;

/**
 * Why the time of a version keeps it out; undefined when it does not.
 *
 * @param onUndated - told of each version that is taken although nobody knows its time
 */
export function publishTimeTest(
  { publishedBefore, publishedAfter, withoutPubtime = 'auto' }: PublishTimes,
  onUndated: () => void,
): (entry: Pick<IndexEntry, 'pubtime'>) => Reason | undefined {
  if (publishedBefore === undefined && publishedAfter === undefined) return () => undefined;
  const before = publishedBefore ?? Number.POSITIVE_INFINITY;
  const after = publishedAfter ?? Number.NEGATIVE_INFINITY;
  // old is what was published before any time, so nothing that was published after one
  const hides = withoutPubtime === 'hide' || (withoutPubtime === 'auto' && publishedAfter !== undefined);
  return ({ pubtime }) => {
    if (pubtime === undefined) {
      if (hides) return 'without_pubtime';
      onUndated();
      return undefined;
    }
    const published = Date.parse(pubtime);
    if (published >= before) return 'too_new';
    return published < after ? 'too_old' : undefined;
  };
}
