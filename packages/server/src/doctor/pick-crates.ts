import type { Mirror } from '../app/mirror.ts';
import { newestOf } from '../registry/newest-version.ts';

/** `count` crates of the mirror, spread over all `names` (one a line), whose newest version can be taken and has its file. */
export async function pickCrates(mirror: Mirror, names: string, count: number): Promise<readonly string[]> {
  const all = names.split('\n').filter((name) => name !== '');
  const step = Math.max(1, Math.floor(all.length / count));
  const picked: string[] = [];
  // first one from each stretch, then whatever is left
  const order = [...all.filter((_, i) => i % step === 0), ...all.filter((_, i) => i % step !== 0)];
  for (const name of order) {
    if (picked.length === count) break;
    const newest = newestOf(await mirror.index.versions(name));
    if (newest === undefined || newest.yanked || newest.vers.includes('-') || !(await mirror.crates.has(newest)))
      continue;
    picked.push(newest.name);
  }
  return picked;
}
