import { checkedCrateName, isCrateName } from './crate-name.ts';
import { checkedCrateVersion, isCrateVersion } from './crate-version.ts';

/** A crate version by its two names. */
export interface CrateId {
  readonly name: string;
  readonly vers: string;
}

const ENDING = '.crate';

/**
 * The name of the file of one crate version: `serde-1.0.147.crate`.
 *
 * @throws {MirrorError} ERR_INTEGRITY when `name` or `vers` is not one
 */
export function crateFileName(name: string, vers: string): string {
  return `${checkedCrateName(name)}-${checkedCrateVersion(vers)}${ENDING}`;
}

/**
 * The crate version that a file name such as `serde-1.0.147.crate` stands for, or undefined when it stands for none.
 * There is never a choice: a name has no dot and the first number of a version has no `-`, so the two part at the
 * last `-` before the first dot, as in `foo-2-1.0.0-rc-1.crate` = `foo-2` and `1.0.0-rc-1`.
 */
export function parseCrateFileName(file: string): CrateId | undefined {
  if (!file.endsWith(ENDING)) return undefined;
  const stem = file.slice(0, -ENDING.length);
  const dash = stem.lastIndexOf('-', stem.indexOf('.'));
  if (dash < 1) return undefined;
  const name = stem.slice(0, dash);
  const vers = stem.slice(dash + 1);
  return isCrateName(name) && isCrateVersion(vers) ? { name, vers } : undefined;
}
