import { html } from '../../web/html.ts';
import type { Sections } from './sections.ts';

/**
 * The whole page, as it is now. Its script brings it up to date from `events`; without scripts it loads itself again. All addresses are
 * relative, so that it works behind a tunnel or below any path.
 */
export function renderPage(name: string, sections: Sections): string {
  const part = (id: keyof Sections): { readonly html: string } => ({ html: sections[id] }); // is HTML already
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${name}</title>
        <link rel="icon" href="icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="style.css" />
        <script src="script.js" defer></script>
        <noscript><meta http-equiv="refresh" content="5" /></noscript>
      </head>
      <body>
        <header>
          <p>
            <span>${name}</span>
            <span id="link" role="status">as of the last load</span>
          </p>
          <h1 id="title">${part('title')}</h1>
          <div id="progress">${part('progress')}</div>
        </header>
        <main>
          <dl id="tiles">${part('tiles')}</dl>
          <div id="charts" class="charts">${part('charts')}</div>
          <div id="whole">${part('whole')}</div>
          <div id="tables">${part('tables')}</div>
        </main>
        <footer>
          <a href="metrics">metrics</a> <a href="api/status">status as JSON</a> <a href="debug/pprof/">profiles</a>
        </footer>
      </body>
    </html>`.html;
}

/** Puts what `events` says into its places. */
export const PAGE_SCRIPT = `'use strict';
const link = document.getElementById('link');
const say = (state, text) => { link.className = state; link.textContent = text; };
const source = new EventSource('events');
source.onopen = () => say('live', 'live');
source.onmessage = ({ data }) => {
  for (const [id, text] of Object.entries(JSON.parse(data))) {
    const place = document.getElementById(id);
    if (place !== null) place.innerHTML = text;
  }
};
source.onerror = () => say('lost', 'no connection, trying again');
source.addEventListener('end', () => { source.close(); say('over', 'the run has ended'); });
`;
