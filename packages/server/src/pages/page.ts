import type { Answer } from '../http/answer.ts';
import { html } from '@mirror/core';
import type { Html } from '@mirror/core';

/** What a page is made of. */
export interface PageParts {
  /** `http://127.0.0.1:8080`, for links. */
  readonly address: string;
  readonly title: string;
  readonly main: Html;
  /** What stands in the search box. */
  readonly query?: string;
  readonly status?: number;
  /** Leave out what only a running server can answer. */
  readonly isStatic?: boolean;
}

/** A page for people: HTML and CSS, no script, nothing from elsewhere. */
export function pageAnswer({ address, title, main, query = '', status = 200, isStatic = false }: PageParts): Answer {
  const base = basePathOf(address);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="${base}/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${base}/style.css" />
      </head>
      <body>
        <header class="top">
          <a class="home" href="${base}/"
            ><svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
              <path d="M12 2 21 7v10l-9 5-9-5V7z" />
              <path d="M3 7l9 5 9-5M12 12v10" /></svg
            >Crates mirror</a
          >
          ${isStatic ? undefined : searchForm(base, query)}
        </header>
        <main>${main}</main>
        ${isStatic ? undefined : footer(base)}
      </body>
    </html> `;
  const bytes = Buffer.from(page.html);
  return { route: 'page', status, headers: PAGE_HEADERS, body: { size: bytes.length, bytes } };
}

function searchForm(base: string, query: string): Html {
  return html`<form action="${base}/search" role="search">
    <input
      type="search"
      name="q"
      value="${query}"
      placeholder="Find a crate"
      aria-label="Find a crate"
      maxlength="100"
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
    />
    <button>Search</button>
  </form>`;
}

function footer(base: string): Html {
  return html`<footer>
    <a href="${base}/">Set up cargo</a><a href="${base}/health">Health</a
    ><a href="${base}/index/config.json">config.json</a>
  </footer>`;
}

/** The path that links on a page begin with: `''` or `/mirror`. */
export function basePathOf(address: string): string {
  return new URL(address).pathname.replace(/\/$/, '');
}

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'private, no-cache',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
