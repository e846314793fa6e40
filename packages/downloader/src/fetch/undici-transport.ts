import { messageOf, systemCodeOf } from '@mirror/core/errors';
import { createDispatcher } from '@mirror/core/net';
import type { HttpPolicy } from '@mirror/core/net';
import type { Dispatcher } from 'undici';
import { TransportError } from './transport.ts';
import type { ResponseHead, ResponseReceiver, Transport, TransportRequest } from './transport.ts';

/**
 * The robust transport: undici, with proxies, redirects, HTTP/2 and whatever else servers do.
 *
 * Redirects are followed by hand, at most `MAX_REDIRECTS`, only to http and https and never from https back to http, since a mirror
 * must not be led to read local files or to give up encryption.
 */
export function createUndiciTransport(policy: HttpPolicy, connections: number): Transport {
  let loading: Promise<Dispatcher> | undefined;
  const follow = async (request: TransportRequest, receiver: ResponseReceiver): Promise<void> => {
    const dispatcher = await (loading ??= createDispatcher(policy, { connections }));
    let url = checkedUrl(request.url, undefined);
    for (let hops = 0; ; hops += 1) {
      const location = await dispatchOnce(dispatcher, policy, { ...request, url: url.href }, receiver);
      if (location === undefined) return;
      if (hops === MAX_REDIRECTS)
        throw new TransportError('refused', `${request.url}: more than ${String(MAX_REDIRECTS)} redirects`);
      url = checkedUrl(location, url);
    }
  };
  return {
    get: (request, receiver) => {
      void follow(request, receiver).then(
        () => {
          receiver.onEnd();
        },
        (error: unknown) => {
          receiver.onEnd(error);
        },
      );
    },
    close: async () => (await loading)?.destroy(),
  };
}

/** The proxy that a URL goes through, if any; whether `no_proxy` excepts it is for undici to say. */
export function proxyFor(url: string, policy: HttpPolicy): string | undefined {
  return url.startsWith('https:') ? policy.proxies.https : policy.proxies.http;
}

/** As many as browsers and curl's users are used to see. */
const MAX_REDIRECTS = 10;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** One request without following; resolves to where a redirect points. */
function dispatchOnce(
  dispatcher: Dispatcher,
  policy: HttpPolicy,
  request: TransportRequest,
  receiver: ResponseReceiver,
): Promise<string | undefined> {
  const { origin, pathname, search } = new URL(request.url);
  return new Promise((resolve, reject) => {
    let location: string | undefined;
    let wanted = false;
    let failure: unknown;
    let controllerNow: Dispatcher.DispatchController | undefined;
    const fail = (error: unknown): void => {
      failure ??= error;
      controllerNow?.abort(error instanceof Error ? error : new Error(messageOf(error)));
      reject(failure);
    };
    const onAbort = (): void => {
      fail(request.signal.reason);
    };
    const deadline = setTimeout(() => {
      fail(
        new TransportError('timeout', `${request.url}: no whole answer within ${String(policy.attemptTimeoutMs)} ms`),
      );
    }, policy.attemptTimeoutMs);
    const settle = (): void => {
      clearTimeout(deadline);
      request.signal.removeEventListener('abort', onAbort);
    };
    const guarded = (action: () => void): void => {
      try {
        action();
      } catch (error) {
        settle();
        fail(error);
      }
    };
    if (request.signal.aborted) {
      clearTimeout(deadline);
      reject(request.signal.reason as Error);
      return;
    }
    request.signal.addEventListener('abort', onAbort, { once: true });
    dispatcher.dispatch(
      {
        origin,
        path: `${pathname}${search}`,
        method: 'GET',
        headers: { 'user-agent': policy.userAgent, 'accept-encoding': 'identity', ...request.headers },
      },
      {
        onRequestStart: (controller) => {
          controllerNow = controller;
        },
        onResponseStart: (_controller, status, headers) => {
          if (status < 200) return;
          const length = lengthOf(firstOf(headers['content-length']));
          const head: ResponseHead = { status, length, header: (name) => firstOf(headers[name]) };
          location = REDIRECTS.has(status) ? head.header('location') : undefined;
          if (location !== undefined) return;
          guarded(() => {
            wanted = receiver.onHead(head);
          });
        },
        onResponseData: (_controller, chunk) => {
          if (wanted && failure === undefined) {
            guarded(() => {
              receiver.onBody(chunk);
            });
          }
        },
        onResponseEnd: () => {
          settle();
          if (failure === undefined) resolve(location);
        },
        onResponseError: (_controller, error) => {
          settle();
          reject((failure as Error | undefined) ?? transportError(request.url, error));
        },
      },
    );
  });
}

function checkedUrl(text: string, from: URL | undefined): URL {
  const shown = JSON.stringify(text.slice(0, 200));
  if (!URL.canParse(text, from?.href)) throw new TransportError('refused', `${from?.href ?? ''} not a URL: ${shown}`);
  const url = new URL(text, from?.href);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new TransportError(
      'refused',
      `expected an http or https URL, found ${shown}${from === undefined ? '' : ` as the redirect of ${from.href}`}`,
    );
  }
  if (from?.protocol === 'https:' && url.protocol === 'http:') {
    throw new TransportError('refused', `${from.href} redirects from https to http: ${shown}`);
  }
  return url;
}

function transportError(url: string, error: unknown): TransportError {
  const code = systemCodeOf(error) ?? '';
  const message = `${url}: ${messageOf(error)}`;
  if (/TIMEOUT|ETIMEDOUT/.test(code))
    return new TransportError(code.includes('CONNECT') ? 'connect' : 'timeout', message, error);
  if (/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code))
    return new TransportError('connect', message, error);
  return new TransportError('broken', message, error);
}

function lengthOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
