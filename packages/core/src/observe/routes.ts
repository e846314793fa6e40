import { metricsOf } from './observed.ts';
import type { Observed } from './observed.ts';
import { PAGE_SCRIPT, renderPage } from './page/page.ts';
import { PAGE_ICON, PAGE_STYLE } from './page/style.ts';
import { createProfileRoutes } from './profile/profile-reply.ts';
import { jsonReply } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Watch } from './watch.ts';

/** Answers a path; undefined where there is nothing. */
export type Routes = (path: string, query: URLSearchParams, gone: AbortSignal) => Reply | Promise<Reply> | undefined;

/** Everything that a listener answers, but for the events of the page. */
export function createRoutes(watch: Watch): Routes {
  const { observed } = watch;
  const name = `${observed.tool} ${observed.version}`;
  const profiles = createProfileRoutes(name);
  const answerMetrics = createMetricsReply(observed);
  const fixed: Readonly<Record<string, () => Reply | Promise<Reply>>> = {
    '/': () => ({ status: 200, type: 'text/html; charset=utf-8', body: renderPage(name, watch.sections()) }),
    '/style.css': () => ({ status: 200, type: 'text/css; charset=utf-8', body: PAGE_STYLE }),
    '/script.js': () => ({ status: 200, type: 'text/javascript; charset=utf-8', body: PAGE_SCRIPT }),
    '/icon.svg': () => ({ status: 200, type: 'image/svg+xml', body: PAGE_ICON }),
    '/healthz': () => jsonReply(200, { status: 'ok', tool: observed.tool, version: observed.version }),
    '/api/status': () => jsonReply(200, watch.status()),
    '/metrics': answerMetrics,
  };
  return (path, query, gone) => {
    if (path.startsWith(PROFILES)) return profiles(path.slice(PROFILES.length), query, gone);
    return Object.hasOwn(fixed, path) ? fixed[path]?.() : undefined;
  };
}

/** What writes the format is loaded when somebody first asks, and from then on the process is watched. */
function createMetricsReply(observed: Observed): () => Promise<Reply> {
  let processMetrics: (() => Promise<string>) | undefined;
  return async () => {
    const { METRICS_TYPE, formatMetrics, watchProcess } = await import('./prometheus.ts');
    processMetrics ??= watchProcess();
    const body = `${await formatMetrics(metricsOf(observed))}\n${await processMetrics()}`;
    return { status: 200, type: METRICS_TYPE, body };
  };
}

const PROFILES = '/debug/pprof/';
