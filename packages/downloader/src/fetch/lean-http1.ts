import tls from 'node:tls';
import { trustedCertificates } from '@mirror/core/net';
import type { HttpPolicy } from '@mirror/core/net';
import { createHttp1Connection } from './http1-connection.ts';
import type { Http1Connection, OddAnswers, Pending } from './http1-connection.ts';
import { splitUrl } from './split-url.ts';
import { TransportError } from './transport.ts';
import type { Transport } from './transport.ts';

/**
 * The lean transport: HTTP/1.1 over keep-alive sockets to a few origins, for very many GETs of mostly small files.
 *
 * Bytes go from the socket into one buffer that all connections of the thread share, and from there, inside the same call, to the
 * receiver: no streams, no copies, nothing for the garbage collector. Redirects are left to `odd`. A kept connection that the server
 * closes before an answer began is replaced without a word, as RFC 9110 allows for GET.
 *
 * @param connections - at most so many to each origin; further requests wait
 * @see https://www.rfc-editor.org/rfc/rfc9112#name-handling-incomplete-message
 */
export function createLeanHttp1(policy: HttpPolicy, connections: number, odd: OddAnswers): Transport {
  const shared = Buffer.allocUnsafeSlow(READ_BYTES);
  let context: tls.SecureContext | undefined;
  // reading all the usual certificates takes a while: not before they are needed
  const secureContext = (): tls.SecureContext => {
    const ca = trustedCertificates(policy);
    return (context ??= tls.createSecureContext(ca === undefined ? {} : { ca }));
  };
  const origins = new Map<string, Origin>();
  const watchedSignals = new WeakSet<AbortSignal>();

  const watch = (signal: AbortSignal): void => {
    watchedSignals.add(signal);
    const onAbort = (): void => {
      for (const origin of origins.values()) origin.abort(signal);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  };

  // one clock for all limits: a timer for each request would cost more than parsing its answer
  const clock = setInterval(() => {
    const now = performance.now();
    for (const origin of origins.values()) origin.checkTime(now);
  }, CLOCK_MS);
  clock.unref();

  return {
    get: (request, receiver) => {
      const { signal } = request;
      const split = splitUrl(request.url);
      if (signal.aborted || split === undefined) {
        const error = new TransportError('refused', `not a URL: ${JSON.stringify(request.url.slice(0, 200))}`);
        queueMicrotask(() => {
          receiver.onEnd(signal.aborted ? signal.reason : error);
        });
        return;
      }
      if (!watchedSignals.has(signal)) watch(signal);
      let origin = origins.get(split.origin);
      if (origin === undefined) {
        origin = createOrigin(new URL(split.origin), { policy, connections, odd, shared, secureContext });
        origins.set(split.origin, origin);
      }
      origin.enter({ request, receiver, target: split.target, isSecondTry: false });
    },
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
  readonly odd: OddAnswers;
  readonly shared: Buffer;
  readonly secureContext: () => tls.SecureContext;
}

/** A server, the connections to it, and who waits for one. */
interface Origin {
  enter(pending: Pending): void;
  abort(signal: AbortSignal): void;
  checkTime(now: number): void;
  close(): void;
}

function createOrigin(url: URL, around: Surroundings): Origin {
  const idle: Http1Connection[] = [];
  const open = new Set<Http1Connection>();
  let waiting: Pending[] = [];
  let session: Buffer | undefined;
  const connect = (): Http1Connection => {
    const connection = createHttp1Connection(url, {
      ...around,
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
    abort: (signal) => {
      // first those who wait: a connection that comes free would be given to one of them
      const dropped = waiting.filter(({ request }) => request.signal === signal);
      waiting = waiting.filter(({ request }) => request.signal !== signal);
      for (const { receiver } of dropped) receiver.onEnd(signal.reason);
      for (const connection of [...open]) connection.abort(signal);
    },
    checkTime: (now) => {
      for (const connection of [...open]) connection.checkTime(now);
    },
    close: () => {
      for (const connection of [...open]) connection.destroy();
    },
  };
}

/** Fits into a core's own cache, where bytes that were just read are hashed and written from; most files come in one piece. */
const READ_BYTES = 128 << 10;
/** How exact time limits are. */
const CLOCK_MS = 50;
