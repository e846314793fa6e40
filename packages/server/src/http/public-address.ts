import type { IncomingHttpHeaders } from 'node:http';
import { MirrorError } from '@mirror/core';

/** How the server is called from outside. */
export interface AddressSettings {
  /** `https://host/base` without a slash at its end; when set, nothing else counts. */
  readonly publicUrl?: string | undefined;
  /** `''` or `/mirror`. */
  readonly basePath: string;
  /** Believe `X-Forwarded-Proto`, `-Host` and `-Prefix`: only behind a proxy that sets them itself. */
  readonly trustProxy: boolean;
}

/** What of a request tells the address. */
export interface AddressedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly isSecure: boolean;
  /** For a request without a host: `127.0.0.1:8080`. */
  readonly localHost: string;
}

/**
 * The address that this client reaches the server by, without a slash at its end: `http://127.0.0.1:8080`,
 * `https://mirror.example/rust`. Undefined when the client's `Host` is no host.
 */
export function publicAddress(request: AddressedRequest, settings: AddressSettings): string | undefined {
  if (settings.publicUrl !== undefined) return settings.publicUrl;
  const forwarded = settings.trustProxy ? request.headers : {};
  const host = firstOf(forwarded['x-forwarded-host']) ?? hostOf(request.headers) ?? request.localHost;
  if (!HOST.test(host)) return undefined;
  const proto = firstOf(forwarded['x-forwarded-proto']) ?? (request.isSecure ? 'https' : 'http');
  if (proto !== 'http' && proto !== 'https') return undefined;
  const prefix = firstOf(forwarded['x-forwarded-prefix'])?.replace(/\/+$/, '') ?? settings.basePath;
  if (prefix !== '' && !BASE_PATH.test(prefix)) return undefined;
  // a port above 65535 and an address such as 1.2.3.999 have the form of a host, and are none
  return URL.canParse(`${proto}://${host}`) ? `${proto}://${host}${prefix}` : undefined;
}

/**
 * A public URL as the settings want it, and the path in it.
 *
 * @throws {MirrorError} ERR_USAGE when it is no http(s) address, or has a query, a fragment or credentials
 */
export function checkedPublicUrl(text: string): { readonly publicUrl: string; readonly basePath: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined && /^https?:$/.test(url.protocol) && url.search + url.hash + url.username + url.password === '';
  if (!isPlain)
    throw new MirrorError('ERR_USAGE', 'public URL: expected http(s)://host[:port][/path]', {
      hint: 'without user, query or fragment',
    });
  const basePath = checkedBasePath(url.pathname);
  return { publicUrl: url.origin + basePath, basePath };
}

/**
 * A base path as the settings want it: `''` or `/a/b`.
 *
 * @throws {MirrorError} ERR_USAGE when it holds anything but letters, digits and `._~-` between its slashes
 */
export function checkedBasePath(text: string): string {
  const path = `/${text}`.replace(/^\/+/, '/').replace(/\/+$/, '');
  if (path === '' || BASE_PATH.test(path)) return path;
  throw new MirrorError('ERR_USAGE', `base path: expected something like /mirror, found ${JSON.stringify(text)}`);
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
const BASE_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/;

/** HTTP/2 has `:authority` instead. */
function hostOf(headers: IncomingHttpHeaders): string | undefined {
  const authority = (headers as Readonly<Record<string, unknown>>)[':authority'];
  return typeof authority === 'string' ? authority : headers.host;
}

/** A proxy before the proxy adds its own at the end; the first is what the client saw. */
function firstOf(field: string | readonly string[] | undefined): string | undefined {
  return field === undefined ? undefined : String(field).split(',')[0]?.trim();
}
