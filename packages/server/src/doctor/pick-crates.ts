import type { Mirror } from '../app/mirror.ts';
import { newestOf } from '../registry/newest-version.ts';
import { crateAt } from '../state/name-table.ts';
import type { NameTable } from '../state/name-table.ts';

/** `count` crates of the mirror, spread over all `names`, whose newest version can be taken and has its file. */
export async function pickCrates(
  mirror: Mirror,
  names: NameTable | undefined,
  count: number,
): Promise<readonly string[]> {
  const rows = Array.from({ length: names?.crates ?? 0 }, (_, n) => n);
  const step = Math.max(1, Math.floor(rows.length / count));
  const picked: string[] = [];
  // first one from each stretch, then whatever is left
  const order = [...rows.filter((n) => n % step === 0), ...rows.filter((n) => n % step !== 0)];
  for (const n of order) {
    if (picked.length === count || names === undefined) break;
    const { name } = crateAt(names, n);
    const newest = newestOf(await mirror.index.versions(name));
    if (newest === undefined || newest.yanked || newest.vers.includes('-') || !(await mirror.crates.has(newest)))
      continue;
    picked.push(newest.name);
  }
  return picked;
}
