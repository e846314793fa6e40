import { setImmediate as nextTurn } from 'node:timers/promises';
import { createNameSearch } from '../state/search-names.ts';
import type { NameHits, NameSearch } from '../state/search-names.ts';
import { namedCrate } from '../state/name-table.ts';
import type { NameTable, NamedCrate } from '../state/name-table.ts';
import type { Mirror } from './mirror.ts';
import type { AppContext } from './app.ts';

/** The most hits in one answer. */
export const MAX_PER_PAGE = 100;

/** Why there is no answer to a search: the mirror has not been looked through once, or too many search. */
export type NoSearch = 'counting' | 'busy';

/**
 * Crates that are shown and whose names hold `query`, best first, as they were when the mirror was last looked through. Nothing is read for it.
 */
export async function findCrates(
  { watch, mirror }: AppContext,
  query: string,
  page: { readonly offset: number; readonly limit: number },
): Promise<NameHits | NoSearch> {
  const { state } = watch;
  if (state === undefined) return 'counting';
  const search = searchOf(state.names);
  const wanted = query.slice(0, 100);
  if (!mirror.isPruned || state.hasView) return (await search(wanted, page)) ?? 'busy';
  const all = await search(wanted, { offset: 0, limit: Number.POSITIVE_INFINITY });
  return all === undefined ? 'busy' : visible(mirror, all.crates, page);
}

/** For a watch that was not told of the view: what is hidden goes before the pages are counted. */
async function visible(
  mirror: Mirror,
  crates: readonly NamedCrate[],
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<NameHits> {
  const shown: NamedCrate[] = [];
  for (const { name } of crates) {
    const crate = namedCrate(await mirror.index.versions(name));
    if (crate !== undefined) shown.push(crate);
    await nextTurn();
  }
  return { total: shown.length, crates: shown.slice(offset, offset + limit) };
}

const searches = new WeakMap<NameTable, NameSearch>();

function searchOf(names: NameTable): NameSearch {
  const search = searches.get(names) ?? createNameSearch(names);
  searches.set(names, search);
  return search;
}
