import { MirrorError } from '../errors.ts';
import { percentDecoded } from '../registry/url-text.ts';
import { withoutCredentials } from './redact.ts';

/** What opens one server, and no other. Plain data, so that it can be sent to a thread; never written anywhere. */
export interface Credentials {
  /** Scheme, host and port: `https://crates.example:8443`. */
  readonly origin: string;
  /** The value of the `Authorization` header. */
  readonly authorization: string;
}

/** An address as it may be shown and recorded, and what stood in it that may not. */
export interface SplitAddress {
  readonly address: string;
  readonly credentials: Credentials | undefined;
}

/**
 * Split `user:password@` from an http or https address (or a template of one, or cargo's `sparse+https://…`). This is where credentials leave addresses: what is
 * fetched, recorded or shown later has none.
 */
export function splitCredentials(text: string): SplitAddress {
  const plain = text.replace(/^sparse\+/, '');
  if (!plain.includes('@') || !/^https?:/i.test(plain) || !URL.canParse(plain))
    return { address: text, credentials: undefined };
  const { origin, username, password } = new URL(plain);
  const address = text.slice(0, text.length - plain.length) + withoutCredentials(plain);
  if (username === '' && password === '') return { address, credentials: undefined };
  const authorization = basicAuthorization(percentDecoded(username), percentDecoded(password));
  return { address, credentials: { origin, authorization } };
}

/** The `Authorization` of HTTP Basic. */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** What is sent to `origin`: the first credentials that are meant for it, if any are. */
export function authorizationFor(origin: string, known: readonly Credentials[]): string | undefined {
  return known.find((each) => each.origin === origin)?.authorization;
}

/**
 * A token as it may stand in a header; undefined when there is none. A line feed at its end, as a file has it, is taken off.
 *
 * @param source - where it was given: `MIRROR_TOKEN`
 * @throws {MirrorError} ERR_CONFIG, without the token, when it cannot stand in a header
 */
export function checkedToken(text: string | undefined, source: string): string | undefined {
  const token = text?.trim() ?? '';
  if (token === '') return undefined;
  if (/^[\x20-\x7e]{1,8192}$/.test(token)) return token;
  throw new MirrorError('ERR_CONFIG', `${source}: expected one line of printable ASCII, at most 8192 characters`);
}
