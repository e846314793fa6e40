import { openObjectStore } from './object-store.ts';
import { parseCommit, readRef } from './repository.ts';

/** The time of the commit at HEAD, in milliseconds since 1970; undefined when there is none or it cannot be read. */
export function headCommitTime(gitDir: string): number | undefined {
  try {
    const commit = readRef(gitDir, 'HEAD');
    if (commit === undefined) return undefined;
    const store = openObjectStore(gitDir);
    try {
      return parseCommit(store.readAs(commit, 'commit'), commit).time * 1000;
    } finally {
      store.close();
    }
  } catch {
    return undefined; // to tell of trouble with a repository is for those who read it
  }
}
