/** What a search found. */
export interface NameHits {
  readonly total: number;
  /** The asked-for part of them, best first. */
  readonly names: readonly string[];
}

/** Finds crates by part of their name. */
export type NameSearch = (query: string, page: { readonly offset: number; readonly limit: number }) => NameHits;

/**
 * A search over `names`, one a line, sorted. Case does not count, and `-` is `_`. The exact name comes first, then names that begin
 * with the query, then names that hold it, each in order of the list. An empty query finds nothing.
 */
export function createNameSearch(names: string): NameSearch {
  // ASCII keeps its length in lower case, so places in one text are places in the other.
  const folded = `\n${fold(names)}`;
  return (query, { offset, limit }) => {
    const wanted = fold(query.trim());
    if (wanted === '' || wanted.includes('\n')) return { total: 0, names: [] };
    const exact: number[] = [];
    const begins: number[] = [];
    const holds: number[] = [];
    for (let at = folded.indexOf(wanted); at >= 0;) {
      const start = folded.lastIndexOf('\n', at) + 1;
      const end = folded.indexOf('\n', at);
      if (start < at) holds.push(start);
      else if (end === at + wanted.length) exact.push(start);
      else begins.push(start);
      at = folded.indexOf(wanted, end);
    }
    const found = [...exact, ...begins, ...holds];
    const shown = found.slice(offset, offset + limit);
    return { total: found.length, names: shown.map((start) => names.slice(start - 1, names.indexOf('\n', start - 1))) };
  };
}

function fold(text: string): string {
  return text.toLowerCase().replaceAll('_', '-');
}
