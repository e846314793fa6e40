import { messageOf, systemCodeOf } from '@mirror/core/errors';
import { MAX_REDIRECTS, authorizationFor, createDispatcher, isRedirectStatus, redirectTarget } from '@mirror/core/net';
import type { HttpPolicy, UndiciDispatcher } from '@mirror/core/net';
import type { Dispatcher } from 'undici';
import { TransportError } from './transport.ts';
import type { ResponseHead, ResponseReceiver, Transport, TransportRequest } from './transport.ts';

/**
 * The robust transport: undici, with proxies, redirects, HTTP/2 and whatever else servers do.
 *
 * Redirects are followed by hand, at most `MAX_REDIRECTS`, where `redirectTarget` lets them lead; credentials go to the server that they are
 * meant for, and to no other.
 */
export function createUndiciTransport(policy: HttpPolicy, connections: number): Transport {
  let loading: Promise<UndiciDispatcher> | undefined;
  const follow = async (request: TransportRequest, receiver: ResponseReceiver): Promise<void> => {
    const dispatcher = await (loading ??= createDispatcher(policy, { connections }));
    let url = checkedUrl(request.url);
    for (let hops = 0; ; hops += 1) {
      const location = await dispatchOnce(dispatcher, policy, { ...request, url: url.href }, receiver);
      if (location === undefined) return;
      if (hops === MAX_REDIRECTS)
        throw new TransportError('refused', `${request.url}: more than ${String(MAX_REDIRECTS)} redirects`);
      url = nextUrl(url, location);
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

/** One request without following; resolves to where a redirect points. */
function dispatchOnce(
  dispatcher: UndiciDispatcher,
  policy: HttpPolicy,
  request: TransportRequest,
  receiver: ResponseReceiver,
): Promise<string | undefined> {
  const { origin, pathname, search } = new URL(request.url);
  const authorization = authorizationFor(origin, [...(request.credentials ?? []), ...policy.credentials]);
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
    let heldMs = 0; // since the deadline was set
    let resuming: NodeJS.Timeout | undefined;
    let heldUntil = 0;
    const onDeadline = (): void => {
      const more = heldMs;
      heldMs = 0;
      if (more > 0) deadline = setTimeout(onDeadline, more);
      else
        fail(
          new TransportError('timeout', `${request.url}: no whole answer within ${String(policy.attemptTimeoutMs)} ms`),
        );
    };
    let deadline = setTimeout(onDeadline, policy.attemptTimeoutMs);
    const hold = (controller: Dispatcher.DispatchController, ms: number): void => {
      const now = performance.now();
      heldMs += now + ms - Math.max(now, heldUntil);
      heldUntil = now + ms;
      clearTimeout(resuming);
      controller.pause();
      resuming = setTimeout(() => {
        controller.resume();
      }, ms);
    };
    const settle = (): void => {
      clearTimeout(deadline);
      clearTimeout(resuming);
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
        headers: {
          'user-agent': policy.userAgent,
          'accept-encoding': 'identity',
          ...request.headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
        headersTimeout: Math.ceil(Math.min(request.firstByteMs ?? Infinity, policy.stallTimeoutMs)),
      },
      {
        onRequestStart: (controller) => {
          controllerNow = controller;
        },
        onResponseStart: (_controller, status, headers) => {
          if (status < 200) return;
          const length = lengthOf(firstOf(headers['content-length']));
          const head: ResponseHead = { status, length, header: (name) => firstOf(headers[name]) };
          location = isRedirectStatus(status) ? head.header('location') : undefined;
          if (location !== undefined) return;
          guarded(() => {
            wanted = receiver.onHead(head);
          });
        },
        onResponseData: (controller, chunk) => {
          if (wanted && failure === undefined) {
            guarded(() => {
              const ms = receiver.onBody(chunk);
              if (ms > 0) hold(controller, ms);
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

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new TransportError('refused', `expected an http or https URL, found ${JSON.stringify(text.slice(0, 200))}`);
}

function nextUrl(from: URL, location: string): URL {
  try {
    return redirectTarget(from.href, location);
  } catch (error) {
    throw new TransportError('refused', messageOf(error), error);
  }
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
