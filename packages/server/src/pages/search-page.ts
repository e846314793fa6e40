import type { NoSearch } from '../app/find-crates.ts';
import type { Answer } from '../http/answer.ts';
import { html } from '@mirror/core';
import type { Html } from '@mirror/core';
import type { NameHits } from '../state/search-names.ts';
import { basePathOf, pageAnswer } from './page.ts';
import { count, counted } from './quantities.ts';

/** What a search page shows. */
export interface SearchPageParts {
  readonly address: string;
  readonly query: string;
  readonly found: NameHits | NoSearch;
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

/** The page of what a search found. */
export function searchPage({ address, query, found, page, perPage }: SearchPageParts): Answer {
  const title = query === '' ? 'Search' : `${query} · search`;
  if (query === '')
    return pageAnswer({
      address,
      title,
      main: html`<h1>Search</h1>
        <p class="lead">Write part of a crate's name into the box above.</p>`,
    });
  const base = basePathOf(address);
  const heading = html`<h1>${query}</h1>`;
  if (typeof found === 'string') {
    const reason =
      found === 'busy' ? 'Too many people are searching.' : 'The names of the crates are still being read.';
    const main = html`${heading}
      <p class="lead">${reason} Try again in a moment.</p>`;
    return pageAnswer({ address, title, query, main, status: 503 });
  }
  if (found.total === 0) {
    return pageAnswer({
      address,
      title,
      query,
      main: html`${heading}
        <p class="lead">No crate here has this in its name.</p>`,
    });
  }
  const pages = Math.ceil(found.total / perPage);
  const main = html`${heading}
    <p class="lead">
      ${counted(found.total, 'crate')} with this in the
      name${pages > 1 ? `, page ${count(page)} of ${count(pages)}` : ''}
    </p>
    <ul class="hits">
      ${found.crates.map(
        ({ name, newest, versions }) =>
          html`<li>
            <a href="${base}/crates/${name}">${name}</a> <code>${newest}</code>
            <span class="quiet">${counted(versions, 'version')}</span>
          </li> `,
      )}
    </ul>
    ${pager(base, query, page, pages)}`;
  return pageAnswer({ address, title, query, main });
}

function pager(base: string, query: string, page: number, pages: number): Html | undefined {
  if (pages < 2) return undefined;
  const link = (to: number, text: string): Html =>
    html`<a href="${base}/search?q=${encodeURIComponent(query)}&page=${to}">${text}</a>`;
  return html`<nav class="pager" aria-label="Pages">
    ${page > 1 ? link(page - 1, '← Previous') : html`<span></span>`}${page < pages ? link(page + 1, 'Next →') : undefined}
  </nav>`;
}
