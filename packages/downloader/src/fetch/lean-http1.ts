import net from 'node:net';
import tls from 'node:tls';
import { messageOf, systemCodeOf, trustedCertificates } from '@mirror/core';
import type { HttpPolicy } from '@mirror/core';
import { Http1Error, createHttp1Parser } from './http1-parser.ts';
import type { Http1Parser, ParserState } from './http1-parser.ts';
import { TransportError } from './transport.ts';
import type { ResponseReceiver, Transport, TransportRequest } from './transport.ts';

/** A server that does not speak HTTP/1.1 as we do: another transport may have more luck. */
export class NotHttp1Error extends TransportError {
  constructor(message: string, cause?: unknown) {
    super('broken', message, cause);
  }
}

/**
 * The lean transport: HTTP/1.1 over keep-alive sockets to a few origins, for very many GETs of mostly small files.
 *
 * Bytes go from the socket into one buffer that all connections of the thread share, and from there, inside the same call, to the
 * receiver: no streams, no copies, nothing for the garbage collector. Redirects are handed out as they are. A kept connection that the server
 * closes before an answer began is replaced without a word, as RFC 9110 allows for GET.
 *
 * @param connections - at most so many to each origin; further requests wait
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-handling-incomplete-message
 */
export function createLeanHttp1(policy: HttpPolicy, connections: number): Transport {
  const shared = Buffer.allocUnsafeSlow(READ_BYTES);
  let context: tls.SecureContext | undefined;
  // reading all the usual certificates takes a while: not before they are needed
  const secureContext = (): tls.SecureContext => {
    const ca = trustedCertificates(policy);
    return (context ??= tls.createSecureContext(ca === undefined ? {} : { ca }));
  };
  const origins = new Map<string, Origin>();
  const active = new Set<Exchange>();
  const watchedSignals = new WeakSet<AbortSignal>();

  const watch = (signal: AbortSignal): void => {
    if (watchedSignals.has(signal)) return;
    watchedSignals.add(signal);
    const onAbort = (): void => {
      for (const exchange of [...active]) if (exchange.request.signal === signal) exchange.fail(signal.reason);
      for (const origin of origins.values()) origin.dropWaiting(signal);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  };

  // one clock for all limits: a timer for each request would cost more than parsing its answer
  const clock = setInterval(() => {
    const now = performance.now();
    for (const exchange of [...active]) exchange.checkTime(now);
  }, CLOCK_MS);
  clock.unref();

  return {
    get: (request, receiver) =>
      new Promise<void>((resolve, reject) => {
        if (request.signal.aborted) {
          reject(request.signal.reason);
          return;
        }
        watch(request.signal);
        const url = new URL(request.url);
        let origin = origins.get(url.origin);
        if (origin === undefined) {
          origin = createOrigin(url, { policy, connections, shared, secureContext, active });
          origins.set(url.origin, origin);
        }
        origin.enter({ request, receiver, path: url.pathname + url.search, resolve, reject, isSecondTry: false });
      }),
    close: () => {
      clearInterval(clock);
      for (const origin of origins.values()) origin.close();
      return Promise.resolve();
    },
  };
}

interface Surroundings {
  readonly policy: HttpPolicy;
  readonly connections: number;
  readonly shared: Buffer;
  readonly secureContext: () => tls.SecureContext;
  readonly active: Set<Exchange>;
}

/** A request on its way, from the queue to its answer. */
interface Pending {
  readonly request: TransportRequest;
  readonly receiver: ResponseReceiver;
  readonly path: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** True after a kept connection turned out to be dead: no third one. */
  readonly isSecondTry: boolean;
}

/** A request that has a connection. */
interface Exchange {
  readonly request: TransportRequest;
  fail(error: unknown): void;
  checkTime(now: number): void;
}

interface Origin {
  enter(pending: Pending): void;
  dropWaiting(signal: AbortSignal): void;
  close(): void;
}

interface Connection {
  send(pending: Pending): void;
  destroy(): void;
}

function createOrigin(url: URL, around: Surroundings): Origin {
  const idle: Connection[] = [];
  const open = new Set<Connection>();
  let waiting: Pending[] = [];
  let session: Buffer | undefined;
  const connect = (): Connection => {
    const connection = createConnection(url, around, {
      session,
      onSession: (fresh) => (session = fresh),
      onFree: (isUsable) => {
        if (!isUsable) open.delete(connection);
        const next = waiting.shift();
        if (next === undefined) {
          if (isUsable) idle.push(connection);
        } else {
          (isUsable ? connection : connect()).send(next);
        }
      },
      onIdleEnd: () => {
        open.delete(connection);
        const at = idle.indexOf(connection);
        if (at >= 0) idle.splice(at, 1);
      },
      again: (pending) => {
        connect().send({ ...pending, isSecondTry: true });
      },
    });
    open.add(connection);
    return connection;
  };
  return {
    enter: (pending) => {
      const connection = idle.pop() ?? (open.size < around.connections ? connect() : undefined);
      if (connection === undefined) waiting.push(pending);
      else connection.send(pending);
    },
    dropWaiting: (signal) => {
      const dropped = waiting.filter(({ request }) => request.signal === signal);
      waiting = waiting.filter(({ request }) => request.signal !== signal);
      for (const { reject } of dropped) reject(signal.reason);
    },
    close: () => {
      for (const connection of [...open]) connection.destroy();
    },
  };
}

interface Owner {
  readonly session: Buffer | undefined;
  onSession(session: Buffer): void;
  /** The exchange is over; the connection may be used again or is gone. */
  onFree(isUsable: boolean): void;
  /** The connection ended while nobody used it. */
  onIdleEnd(): void;
  /** The connection was dead before the answer began: the request goes to a new one. */
  again(pending: Pending): void;
}

function createConnection(url: URL, around: Surroundings, owner: Owner): Connection {
  const { policy, active } = around;
  let pending: Pending | undefined;
  let parser: Http1Parser | undefined;
  let isConnected = false;
  let uses = 0;
  let startedAt = 0;
  let lastByteAt = 0;

  const socket = openSocket(url, around, owner, (bytes) => {
    onBytes(bytes);
  });
  const exchange: Exchange = {
    get request() {
      return pending!.request; // only active ones are asked
    },
    fail: (error) => {
      socket.destroy();
      settle(false, error);
    },
    checkTime: (now) => {
      const { url: target } = pending!.request;
      if (!isConnected && now - startedAt > policy.connectTimeoutMs) {
        exchange.fail(
          new TransportError('connect', `${target}: no connection within ${String(policy.connectTimeoutMs)} ms`),
        );
      } else if (now - lastByteAt > policy.stallTimeoutMs) {
        exchange.fail(new TransportError('timeout', `${target}: no byte for ${String(policy.stallTimeoutMs)} ms`));
      } else if (now - startedAt > policy.attemptTimeoutMs) {
        exchange.fail(
          new TransportError('timeout', `${target}: no whole answer within ${String(policy.attemptTimeoutMs)} ms`),
        );
      }
    },
  };

  /** End the exchange, give the connection back, and only then tell: the one who is told may ask for the next thing at once. */
  const settle = (isUsable: boolean, error?: unknown): void => {
    const ended = pending;
    if (ended === undefined) return;
    pending = undefined;
    parser = undefined;
    active.delete(exchange);
    if (!isUsable) socket.destroy();
    if (error === undefined) ended.resolve();
    else ended.reject(error);
    owner.onFree(isUsable);
  };

  const onBytes = (bytes: Buffer): void => {
    if (parser === undefined) {
      socket.destroy(); // nobody asked for anything
      return;
    }
    lastByteAt = performance.now();
    let state: ParserState;
    try {
      state = parser.feed(bytes);
    } catch (error) {
      // what the receiver throws is its own affair
      exchange.fail(
        error instanceof Http1Error ? new NotHttp1Error(`${pending!.request.url}: ${error.message}`, error) : error,
      );
      return;
    }
    if (state !== 'more') settle(state === 'done');
  };

  const onEnd = (error: unknown): void => {
    const ended = pending;
    if (ended === undefined) {
      owner.onIdleEnd();
      return;
    }
    if (uses > 1 && parser?.isStarted === false && !ended.isSecondTry) {
      pending = undefined;
      active.delete(exchange);
      socket.destroy();
      owner.onIdleEnd();
      owner.again(ended);
      return;
    }
    const cause = error ?? endOf(parser);
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
      const { request, receiver } = next;
      pending = next;
      uses += 1;
      startedAt = lastByteAt = performance.now();
      let isWanted = false;
      parser = createHttp1Parser({
        onHead: (head) => {
          isWanted = receiver.onHead(head);
        },
        onBody: (chunk) => {
          if (isWanted) receiver.onBody(chunk);
        },
      });
      active.add(exchange);
      let head = `GET ${next.path} HTTP/1.1\r\nHost: ${url.host}\r\nUser-Agent: ${policy.userAgent}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n`;
      for (const [name, value] of Object.entries(request.headers ?? {})) head += `${name}: ${value}\r\n`;
      socket.write(`${head}\r\n`, 'latin1');
    },
    destroy: () => {
      socket.destroy();
    },
  };

  function brokenBy(target: string, cause: unknown): TransportError {
    const message = `${target}: ${messageOf(cause)}`;
    if (isConnected) return new TransportError('broken', message, cause);
    // such as a server that speaks nothing but HTTP/2
    if (/^ERR_SSL/.test(systemCodeOf(cause) ?? '')) return new NotHttp1Error(message, cause);
    return new TransportError('connect', message, cause);
  }
}

/** What is wrong when the connection ends here, if anything. */
function endOf(parser: Http1Parser | undefined): unknown {
  try {
    parser?.end();
    return undefined;
  } catch (error) {
    return error;
  }
}

function openSocket(url: URL, around: Surroundings, owner: Owner, onBytes: (bytes: Buffer) => void): net.Socket {
  const { shared } = around;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const options: net.TcpNetConnectOpts = {
    host,
    port: Number(url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port),
    noDelay: true,
    keepAlive: true,
    onread: {
      buffer: shared,
      callback: (length) => {
        onBytes(shared.subarray(0, length));
        return true;
      },
    },
  };
  if (url.protocol === 'http:') return net.connect(options);
  const { session } = owner;
  const socket = tls.connect({
    ...options,
    secureContext: around.secureContext(),
    servername: net.isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true, // said aloud, since an environment variable could switch it off in silence
    ...(session === undefined ? {} : { session }),
  });
  socket.on('session', (fresh: Buffer) => {
    owner.onSession(fresh);
  });
  return socket;
}

/** Most crate files come in one read of this size. */
const READ_BYTES = 256 << 10;
/** How exact time limits are. */
const CLOCK_MS = 50;
