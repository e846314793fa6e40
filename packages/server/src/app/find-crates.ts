import { newestOf } from '../registry/newest-version.ts';
import { createNameSearch } from '../state/search-names.ts';
import type { NameSearch } from '../state/search-names.ts';
import type { AppContext } from './app.ts';

/** One crate that a search found. */
export interface FoundCrate {
  readonly name: string;
  readonly newest: string;
  readonly versions: number;
}

/** A page of what a search found. */
export interface FoundCrates {
  /** Of all pages; crates that the view hides are still counted here. */
  readonly total: number;
  readonly crates: readonly FoundCrate[];
}

/** The most hits in one answer. */
export const MAX_PER_PAGE = 100;

/** Crates whose names hold `query`, best first; undefined until the mirror has been looked through once. */
export async function findCrates(
  context: AppContext,
  query: string,
  page: { readonly offset: number; readonly limit: number },
): Promise<FoundCrates | undefined> {
  const { state } = context.watch;
  if (state === undefined) return undefined;
  const { total, names } = searchOf(state)(query.slice(0, 100), page);
  const crates: FoundCrate[] = [];
  for (const name of names) {
    const versions = await context.mirror.index.versions(name);
    const newest = newestOf(versions);
    if (newest !== undefined) crates.push({ name: newest.name, newest: newest.vers, versions: versions.length });
  }
  return { total, crates };
}

const searches = new WeakMap<object, NameSearch>();

function searchOf(state: { readonly names: string }): NameSearch {
  const search = searches.get(state) ?? createNameSearch(state.names);
  searches.set(state, search);
  return search;
}
