import { MirrorError } from '../errors.ts';

/** How much one change may remove. Removals are refused when they exceed `count` and `share` both, or leave nothing. */
export interface RemovalLimit {
  /** Of what is held, from 0 to 1. */
  readonly share: number;
  readonly count: number;
}

/** What a change would remove, out of how many. */
export interface Removals {
  readonly held: number;
  readonly gone: number;
}

/** Accepts everything: what `off` stands for. */
export const NO_REMOVAL_LIMIT: RemovalLimit = { share: Infinity, count: Infinity };

/** The limit where the user gives none. */
export const DEFAULT_REMOVAL_LIMIT = '5%';

/**
 * The limit that text such as `5%`, `20`, `5%,20` or `off` stands for. With a share alone, one single removal always passes, so
 * that a small index may lose a crate; with a count alone, the share plays no part.
 *
 * @throws {MirrorError} ERR_USAGE for anything else
 */
export function parseRemovalLimit(text: string): RemovalLimit {
  const plain = text.trim();
  if (plain === 'off') return NO_REMOVAL_LIMIT;
  const parts = /^(?:(\d{1,3}(?:\.\d{1,9})?)\s*%(?:,\s*(\d{1,12}))?|(\d{1,12}))$/.exec(plain);
  const [percent, count] = [parts?.[1], parts?.[2] ?? parts?.[3]];
  if (parts === null || Number(percent ?? 0) > 100)
    throw new MirrorError(
      'ERR_USAGE',
      `expected a share such as 5%, a count such as 20, both (5%,20), or off, found ${JSON.stringify(text)}`,
    );
  if (percent !== undefined && Number(percent) === 100) return NO_REMOVAL_LIMIT;
  return {
    share: percent === undefined ? 0 : Number(percent) / 100,
    count: count === undefined ? 1 : Number(count),
  };
}

/**
 * The one rule for mass removal: whether a change removes so much that a damaged, wrong or rolled-back upstream is likelier
 * than so many removals. The loss of everything is always too much, unless the limit is off.
 */
export function isMassRemoval({ held, gone }: Removals, { share, count }: RemovalLimit): boolean {
  if (gone === 0 || share === Infinity) return false;
  return gone >= held || (gone > count && gone > share * held);
}

/** The refusal of a mass removal. */
export function massRemovalError(
  /** What would lose something: a folder, an address. */
  where: string,
  /** In the plural: `crates`, `versions of serde`. */
  things: string,
  { held, gone }: Removals,
  /** Of the tool that refuses. */
  flag = '--max-removed',
  /** What is as it was. */
  kept = 'nothing was changed',
): MirrorError {
  return new MirrorError(
    'ERR_INTEGRITY',
    `${where}: the change removes ${String(gone)} of ${String(held)} ${things}, more than ${flag} allows; ${kept}`,
    { hint: `check upstream; if the removals are intended, use ${flag} with a higher value, or ${flag} off` },
  );
}

/** The refusal of a state that is older than the one that is held. */
export function rollbackError(where: string, found: string, flag = '--allow-rollback'): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${where}: ${found}; nothing was changed`, {
    hint: `check upstream; if going back is intended, use ${flag}`,
  });
}
