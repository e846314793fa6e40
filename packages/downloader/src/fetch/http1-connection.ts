import { messageOf, systemCodeOf } from '@mirror/core/errors';
import { authorizationFor } from '@mirror/core/net';
import type { HttpPolicy } from '@mirror/core/net';
import { Http1Error, createHttp1Parser } from './http1-parser.ts';
import type { ParserState } from './http1-parser.ts';
import { NotHttp1Error } from './not-http1-error.ts';
import { openSocket } from './open-socket.ts';
import type { SocketOptions } from './open-socket.ts';
import { TransportError } from './transport.ts';
import type { ResponseReceiver, TransportRequest } from './transport.ts';

/** A request on its way, from the queue to its answer. */
export interface Pending {
  readonly request: TransportRequest;
  readonly receiver: ResponseReceiver;
  /** Path and query. */
  readonly target: string;
  /** True after a kept connection turned out to be dead: no third one. */
  readonly isSecondTry: boolean;
}

/** A connection that takes one request after the other, never two at once. */
export interface Http1Connection {
  send(pending: Pending): void;
  /** Give up the request that is on its way, if it belongs to this signal. */
  abort(signal: AbortSignal): void;
  /** Give up the request that is on its way, if it takes too long. */
  checkTime(now: number): void;
  destroy(): void;
}

/** Who takes what this transport leaves to others. */
export interface OddAnswers {
  /** The answer sends us elsewhere: it is over, the receiver has heard nothing of it, and waits for the one it asked for. */
  onRedirect(request: TransportRequest, receiver: ResponseReceiver): void;
  /** The answer made no sense to us; its receiver hears of that next. */
  onNotHttp1(request: TransportRequest, error: NotHttp1Error): void;
}

/** Who keeps the connection. */
export interface ConnectionOwner extends SocketOptions {
  readonly odd: OddAnswers;
  readonly policy: HttpPolicy;
  /** The exchange is over; the connection may be used again or is gone. */
  readonly onFree: (isUsable: boolean) => void;
  /** The connection ended while nobody used it. */
  readonly onIdleEnd: () => void;
  /** The connection was dead before the answer began: the request goes to a new one. */
  readonly again: (pending: Pending) => void;
}

/** Connect to an origin. The parser and the callbacks are made once for the connection, not for each request. */
export function createHttp1Connection(url: URL, owner: ConnectionOwner): Http1Connection {
  const { policy } = owner;
  const fixedHead = ` HTTP/1.1\r\nHost: ${url.host}\r\nUser-Agent: ${policy.userAgent}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n`;
  const ownAuthorization = authorizationFor(url.origin, policy.credentials);
  let pending: Pending | undefined;
  let isConnected = false;
  let isWanted = false;
  let isRedirect = false;
  let uses = 0;
  let startedAt = 0;
  let lastByteAt = 0;
  /** Reading is held back: since when, and what ends it. */
  let held: { readonly since: number; readonly timer: NodeJS.Timeout } | undefined;
  let holdMs = 0;

  const parser = createHttp1Parser({
    onHead: (head) => {
      isRedirect = head.status >= 300 && head.status < 400 && head.header('location') !== undefined;
      isWanted = !isRedirect && pending!.receiver.onHead(head);
    },
    onBody: (chunk) => {
      if (isWanted) holdMs = pending!.receiver.onBody(chunk);
    },
  });
  const socket = openSocket(url, owner, (bytes) => {
    onBytes(bytes);
  });
  const fail = (error: unknown): void => {
    socket.destroy();
    settle(false, error);
  };

  const lateness = (
    { url: target, firstByteMs = Infinity }: TransportRequest,
    now: number,
  ): TransportError | undefined => {
    const { connectTimeoutMs, stallTimeoutMs, attemptTimeoutMs } = policy;
    const late = (kind: 'connect' | 'timeout', what: string, ms: number): TransportError =>
      new TransportError(kind, `${target}: ${what} ${String(ms)} ms`);
    if (!isConnected && now - startedAt > connectTimeoutMs)
      return late('connect', 'no connection within', connectTimeoutMs);
    if (!parser.isStarted && now - lastByteAt > firstByteMs)
      return late('timeout', 'no answer within', Math.ceil(firstByteMs));
    if (now - lastByteAt > stallTimeoutMs) return late('timeout', 'no byte for', stallTimeoutMs);
    if (now - startedAt > attemptTimeoutMs) return late('timeout', 'no whole answer within', attemptTimeoutMs);
    return undefined;
  };

  /** End the exchange, give the connection back, and only then tell: the one who is told may ask for the next thing at once. */
  const settle = (isUsable: boolean, error?: unknown): void => {
    const ended = pending;
    if (ended === undefined) return;
    pending = undefined;
    if (held !== undefined) release();
    if (!isUsable) socket.destroy();
    owner.onFree(isUsable);
    const { request, receiver } = ended;
    if (isRedirect && error === undefined) owner.odd.onRedirect(request, receiver);
    else {
      if (error instanceof NotHttp1Error) owner.odd.onNotHttp1(request, error);
      receiver.onEnd(error);
    }
  };

  const onBytes = (bytes: Buffer): void => {
    if (pending === undefined) {
      socket.destroy(); // nobody asked for anything
      return;
    }
    lastByteAt = performance.now();
    let state: ParserState;
    holdMs = 0;
    try {
      state = parser.feed(bytes);
    } catch (error) {
      // what the receiver throws is its own affair
      fail(error instanceof Http1Error ? new NotHttp1Error(`${pending.request.url}: ${error.message}`, error) : error);
      return;
    }
    if (state !== 'more') settle(state === 'done');
    else if (holdMs > 0) hold(holdMs);
  };

  /** Read no more for a while: the network's own flow control then holds the server back. TLS may still bring what it has taken in. */
  const hold = (ms: number): void => {
    if (held === undefined) socket.pause();
    else clearTimeout(held.timer);
    held = { since: held?.since ?? lastByteAt, timer: setTimeout(release, ms) };
  };
  const release = (): void => {
    clearTimeout(held!.timer);
    lastByteAt = performance.now();
    startedAt += lastByteAt - held!.since;
    held = undefined;
    socket.resume();
  };

  const onEnd = (error: unknown): void => {
    const ended = pending;
    if (ended === undefined) {
      owner.onIdleEnd();
      return;
    }
    if (uses > 1 && !parser.isStarted && !ended.isSecondTry) {
      pending = undefined;
      socket.destroy();
      owner.onIdleEnd();
      owner.again(ended);
      return;
    }
    const cause = error ?? incompleteness();
    settle(false, cause === undefined ? undefined : brokenBy(ended.request.url, cause));
  };
  socket.on(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
    isConnected = true;
    lastByteAt = performance.now();
  });
  socket.on('error', onEnd);
  socket.on('end', () => {
    onEnd(undefined);
  });
  socket.on('close', () => {
    onEnd(new Error('the connection was closed'));
  });

  return {
    send: (next) => {
      pending = next;
      uses += 1;
      startedAt = lastByteAt = performance.now();
      isWanted = isRedirect = false;
      parser.reset();
      socket.write(
        `GET ${next.target}${fixedHead}${headerLines(next.request.headers)}${authorizationLine(next.request)}\r\n`,
        'latin1',
      );
    },
    abort: (signal) => {
      if (pending?.request.signal === signal) fail(signal.reason);
    },
    checkTime: (now) => {
      const error = pending === undefined || held !== undefined ? undefined : lateness(pending.request, now);
      if (error !== undefined) fail(error);
    },
    destroy: () => {
      socket.destroy();
    },
  };

  function authorizationLine({ credentials }: TransportRequest): string {
    const given = credentials === undefined ? undefined : authorizationFor(url.origin, credentials);
    const authorization = given ?? ownAuthorization;
    return authorization === undefined ? '' : `Authorization: ${authorization}\r\n`;
  }

  /** What is wrong when the connection ends here, if anything. */
  function incompleteness(): unknown {
    try {
      parser.end();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  function brokenBy(target: string, cause: unknown): TransportError {
    const message = `${target}: ${messageOf(cause)}`;
    if (isConnected) return new TransportError('broken', message, cause);
    // such as a server that speaks nothing but HTTP/2
    if (/^(ERR_SSL|EPROTO)/.test(systemCodeOf(cause) ?? '')) return new NotHttp1Error(message, cause);
    return new TransportError('connect', message, cause);
  }
}

function headerLines(headers: Readonly<Record<string, string>> | undefined): string {
  if (headers === undefined) return '';
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
