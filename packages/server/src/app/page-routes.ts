import { sha256 } from '@mirror/core';
import { textAnswer } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import { cratePage } from '../pages/crate-page.ts';
import { loginPage } from '../pages/login-page.ts';
import { searchPage } from '../pages/search-page.ts';
import { startPage } from '../pages/start-page.ts';
import { FAVICON, STYLE } from '../pages/style.ts';
import { newestFirst, newestOf } from '../registry/newest-version.ts';
import type { AppCall, AppContext } from './app.ts';
import { findCrates } from './find-crates.ts';

/** Answers what people ask for with a browser; undefined when there is no such page. */
export type Pages = (call: AppCall) => Promise<Answer | undefined>;

/** The pages: start, search, a crate, a version of it, and what they are made of. */
export function createPages({ mirror, watch, notes }: AppContext): Pages {
  return async (call) => {
    const [first, name, vers, ...more] = call.target.parts;
    if (first === undefined)
      return startPage({
        address: call.address,
        state: watch.state,
        notes,
        now: Date.now(),
      });
    if (first === 'crates' && name !== undefined && more.length === 0) return crate(call, name, vers);
    if (name !== undefined) return undefined;
    if (first === 'search') return search(call);
    if (first === 'me') return loginPage(call.address);
    return ASSETS[first];
  };

  async function crate({ address }: AppCall, name: string, vers: string | undefined): Promise<Answer | undefined> {
    const versions = newestFirst(await mirror.index.versions(name));
    const newest = newestOf(versions);
    const shown = vers === undefined ? newest : versions.find((entry) => entry.vers === vers);
    if (shown === undefined) return undefined;
    const bytes = await mirror.crates.sizeOf(shown);
    return cratePage({ address, shown, isNewest: shown === newest, versions, bytes });
  }
}

const HITS_PER_PAGE = 50;

async function search({ context, target, address }: AppCall): Promise<Answer> {
  const query = (target.query.get('q') ?? '').trim().slice(0, 100);
  const asked = target.query.get('page') ?? '';
  const page = /^[1-9]\d{0,4}$/.test(asked) ? Number(asked) : 1;
  const found = await findCrates(context, query, { offset: (page - 1) * HITS_PER_PAGE, limit: HITS_PER_PAGE });
  return searchPage({ address, query, found, page, perPage: HITS_PER_PAGE });
}

const ASSETS: Readonly<Record<string, Answer>> = Object.assign(Object.create(null) as object, {
  'style.css': asset(STYLE, 'text/css; charset=utf-8'),
  'favicon.svg': asset(FAVICON, 'image/svg+xml'),
  'robots.txt': asset('User-agent: *\nDisallow: /\n', 'text/plain; charset=utf-8'),
});

function asset(text: string, type: string): Answer {
  const headers = {
    'content-type': type,
    'cache-control': 'public, max-age=3600',
    'x-content-type-options': 'nosniff',
  };
  return { ...textAnswer('page', 200, text, headers), digest: sha256(Buffer.from(text)) };
}
