import type { IncomingHttpHeaders } from 'node:http';
import { IntegrityError, messageOf, silentLog } from '@mirror/core';
import type { Log } from '@mirror/core';
import { textAnswer } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import { publicAddress } from '../http/public-address.ts';
import type { AddressSettings } from '../http/public-address.ts';
import { MAX_TARGET_LENGTH, parseTarget } from '../http/request-target.ts';
import type { Target } from '../http/request-target.ts';
import { createMetrics } from '../observe/metrics.ts';
import { loadMetricsFormat } from '@mirror/core/observe';
import type { Metrics } from '../observe/metrics.ts';
import { errorPage } from '../pages/error-page.ts';
import type { MirrorWatch } from '../state/watch-mirror.ts';
import { isDamage } from '../registry/odd-copies.ts';
import { answerApi, apiError } from './api.ts';
import { answerCrateFile, crateAskedFor } from './crate-route.ts';
import { answerIndex, gitRefusal } from './index-route.ts';
import type { Mirror } from './mirror.ts';
import { createPages } from './page-routes.ts';
import { answerHealth, answerMetrics } from './status-routes.ts';

/** A request as far as it decides what is answered. */
export interface AppRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly isSecure: boolean;
  readonly localHost: string;
}

/** What an app is made of. */
export interface AppOptions {
  readonly mirror: Mirror;
  readonly watch: MirrorWatch;
  readonly address: AddressSettings;
  readonly metrics?: Metrics;
  /** Answer `/metrics`; default true. */
  readonly hasMetrics?: boolean;
  /** What people read about what is shown, such as `only versions older than 7d`. */
  readonly notes?: readonly string[];
  readonly log?: Log;
}

/** Everything the server answers, without the network. */
export interface App {
  readonly metrics: Metrics;
  answer(request: AppRequest): Promise<Answer>;
  /** From now on `/health` says that the server is about to end. */
  drain(): void;
}

/** What the routes share. */
export interface AppContext {
  readonly mirror: Mirror;
  readonly watch: MirrorWatch;
  readonly metrics: Metrics;
  readonly notes: readonly string[];
  readonly log: Log;
  readonly isDraining: () => boolean;
  readonly hasMetrics: boolean;
  /** The metrics of the process itself; watching begins with the first call. */
  readonly processMetrics: () => Promise<string>;
}

/** One request, its address known and its path read. */
export interface AppCall {
  readonly context: AppContext;
  readonly target: Target;
  /** `http://127.0.0.1:8080` or `https://mirror.example/rust`. */
  readonly address: string;
}

/**
 * The app that serves a mirror: GET and HEAD only, and 404 for whatever is not there. A file that is damaged is answered 500 with a
 * text that says so; cargo shows it.
 */
export function createApp(options: AppOptions): App {
  const { mirror, watch, metrics = createMetrics(), notes = [], log = silentLog, hasMetrics = true } = options;
  let draining = false;
  let process: Promise<() => Promise<string>> | undefined;
  const processMetrics = async (): Promise<string> => {
    process ??= loadMetricsFormat().then(({ watchProcess }) => watchProcess());
    return (await process)();
  };
  const isDraining = (): boolean => draining;
  const context: AppContext = { mirror, watch, metrics, notes, log, hasMetrics, processMetrics, isDraining };
  const pages = createPages(context);

  const route = async (call: AppCall): Promise<Answer | undefined> => {
    const { parts } = call.target;
    const [first = ''] = parts;
    if (first === 'index') return answerIndex(call);
    if (first === 'info' && parts[1] === 'refs' && parts.length === 2) return gitRefusal(call.address);
    const crate = crateAskedFor(parts);
    if (crate !== undefined) return answerCrateFile(call, crate);
    if (first === 'api') return answerApi(call);
    if ((first === 'health' || first === 'healthz') && parts.length === 1) return answerHealth(call);
    if (first === 'metrics' && parts.length === 1) return answerMetrics(call);
    return pages(call);
  };

  return {
    metrics,
    drain: () => void (draining = true),
    async answer(request) {
      const refusal = refusalOf(request);
      if (refusal !== undefined) return refusal;
      const target = parseTarget(request.target, options.address.basePath);
      if (target === 'too-long')
        return textAnswer('other', 414, `the address is longer than ${String(MAX_TARGET_LENGTH)} characters\n`);
      if (target === 'malformed') return textAnswer('other', 400, 'the address cannot be read\n');
      const address = publicAddress(request, options.address);
      if (address === undefined) return textAnswer('other', 400, 'the host cannot be read\n');
      if (target === 'no-such-path') return notFound(request, address);
      try {
        return (await route({ context, target, address })) ?? notFound(request, address);
      } catch (error) {
        return failure(error, context);
      }
    },
  };
}

function refusalOf({ method, target }: AppRequest): Answer | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  const allow = { allow: 'GET, HEAD' };
  // cargo publish, yank and owner: cargo prints the sentence
  if (/^(?:https?:\/\/[^/]*)?\/(?:[^?#]*\/)?api\/v1\//i.test(target)) return apiError(405, READ_ONLY, allow);
  return textAnswer('other', 405, 'only GET and HEAD\n', allow);
}

const READ_ONLY =
  'this is a read-only mirror: it cannot publish, yank or change owners. Use the registry that it mirrors: --registry crates-io';

function notFound({ headers }: AppRequest, address: string): Answer {
  const isPerson = headers.accept?.includes('text/html') === true;
  return isPerson
    ? errorPage(address, 404, 'Not found', 'There is nothing at this address.')
    : textAnswer('other', 404, 'not found\n');
}

function failure(error: unknown, { log, metrics }: AppContext): Answer {
  if (isDamage(error)) {
    metrics.corrupt();
    log.error('a file of the mirror is damaged', { error: error.message, hint: error.hint });
    // only this kind names no path
    const what = error instanceof IntegrityError ? `: ${error.message}` : '';
    return textAnswer('crate', 500, `this mirror's copy is damaged and was not sent${what}\n`);
  }
  log.error('a request failed', { error: messageOf(error) });
  return textAnswer('other', 500, 'the server could not read its files\n');
}
