import type { IncomingHttpHeaders } from 'node:http';
import { messageOf, systemCodeOf } from '@mirror/core';
import type { Log } from '@mirror/core';
import type { App } from '../app/app.ts';
import type { Access } from '../observe/access-log.ts';
import type { Route } from './answer.ts';
import { planAnswer } from './plan-answer.ts';
import type { Plan } from './plan-answer.ts';

/** A request, whatever protocol brought it. */
export interface IncomingRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** `1.1`. */
  readonly httpVersion: string;
  /** Address of the client. */
  readonly remote: string;
  readonly isSecure: boolean;
  /** What the client reached, for those that do not say whom they call: `127.0.0.1:8080`. */
  readonly localHost: string;
}

/** How the answer gets to a client. */
export interface Sender {
  send(plan: Plan): Promise<void> | void;
  /** The answer cannot be sent to its end: the connection, or the stream, is of no more use. */
  abort(): void;
}

/** Answers one request, counts it and tells of it. Never rejects. */
export type Exchange = (request: IncomingRequest, sender: Sender) => Promise<void>;

/** Exchanges with the clients of `app`. `onAccess` is told of each when its answer has ended. */
export function createExchange(app: App, onAccess: ((access: Access) => void) | undefined, log: Log): Exchange {
  const { metrics } = app;
  return async (request, sender) => {
    const begin = performance.now();
    let route: Route = 'other';
    let status = GONE;
    let bytes = 0;
    metrics.begin();
    try {
      const answer = await app.answer(request);
      route = answer.route;
      const plan = await planAnswer(request, answer);
      await sender.send(plan);
      status = plan.status;
      bytes = plan.bytes?.length ?? plan.pieces?.size ?? 0;
    } catch (error) {
      if (!isGone(error)) log.warn('an answer could not be sent', { target: request.target, error: messageOf(error) });
      sender.abort();
    } finally {
      const seconds = (performance.now() - begin) / 1000;
      metrics.end({ route, status, bytes, seconds });
      onAccess?.(accessOf(request, { status, bytes, seconds }));
    }
  };
}

/** What nginx logs for a client that did not wait. */
const GONE = 499;

function accessOf(
  { remote, method, target, headers, httpVersion }: IncomingRequest,
  { status, bytes, seconds }: { readonly status: number; readonly bytes: number; readonly seconds: number },
): Access {
  return {
    ...{ time: new Date(), remote, method, target, protocol: `HTTP/${httpVersion}`, status, bytes },
    ms: Math.round(seconds * 1e6) / 1e3,
    referer: headers.referer,
    userAgent: headers['user-agent'],
  };
}

function isGone(error: unknown): boolean {
  return GONE_CODES.has(systemCodeOf(error) ?? '');
}

const GONE_CODES: ReadonlySet<string> = new Set([
  'ABORT_ERR',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_HTTP2_INVALID_STREAM',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
