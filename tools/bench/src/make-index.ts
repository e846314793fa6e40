import path from 'node:path';
import { builtBin } from './built-bin.ts';
import { runForJson } from './workspace.ts';

/** Make an index of `crates` crates below `directory`: where it is, and what is in it. */
export function makeIndex(
  directory: string,
  crates: number,
): { readonly index: string; readonly crates: number; readonly bytes: number } {
  const index = path.join(directory, 'index');
  const made = runForJson(builtBin('@mirror-tools/index-generator'), ['--out', index, '--crates', String(crates)]);
  return { ...(made as { crates: number; bytes: number }), index };
}
