import { MirrorError } from '../errors.ts';
import { quoted } from './quoted.ts';

/** The longest crate name that crates.io accepts, in characters. */
export const MAX_CRATE_NAME_LENGTH = 64;

const CRATE_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Whether `text` is a crate name: 1 to 64 of `A-Z a-z 0-9 _ -`. Nothing else ever becomes a path or part of a URL, so a
 * name holds no separator, no dot, no NUL. Names that begin with a digit are accepted: mirrors of other registries have them.
 *
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#name-restrictions
 */
export function isCrateName(text: string): boolean {
  return CRATE_NAME.test(text);
}

/**
 * `name` itself, once it is known to be a crate name.
 *
 * @throws {MirrorError} ERR_INTEGRITY when it is not one
 */
export function checkedCrateName(name: string): string {
  if (isCrateName(name)) return name;
  throw new MirrorError(
    'ERR_INTEGRITY',
    `crate name: expected 1 to ${MAX_CRATE_NAME_LENGTH} of A-Z a-z 0-9 _ -, found ${quoted(name)}`,
  );
}
