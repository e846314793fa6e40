import { createHash } from 'node:crypto';
import { MirrorError } from '../errors.ts';
import { quoted } from '../registry/quoted.ts';
import { withoutCredentials } from '../net/redact.ts';
import { parsedHttpUrl, percentDecoded } from '../registry/url-text.ts';

const MAX_PART_LENGTH = 120;
const MAX_PATH_LENGTH = 600;
const RESERVED_ON_WINDOWS = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(?:\.|$)/i;
/** Text that could be taken for one made by {@link withDigest} gets a digest too, so that none can be forged. */
const LOOKS_DIGESTED = /-[0-9a-f]{16}(?:\.[^/]*)?$/;

/**
 * Where a mirror keeps what `url` gives when it is not the file of a crate version: `<host>/<path>`, a relative path with
 * `/` between its parts that every common file system accepts.
 *
 * Percent-encoded text is decoded. Every part that is left has at most 120 characters of `A-Z a-z 0-9 . _ ~ ! $ & ' ( ) + , ; = @ -`,
 * does not begin or end with a dot and is no device name of Windows. Whenever something had to be changed for that (also a query, a port, a
 * doubled or a last `/`), a dash and 16 hex digits of the URL's SHA-256 are put before the ending, so that different URLs keep
 * different paths. Not told apart: http from https, and letter case on a file system that ignores it. User name,
 * password and fragment have no part in it. A host of at most three characters counts as changed, so no path falls into the folders of the
 * layouts.
 *
 * @throws {MirrorError} ERR_INTEGRITY when `url` is no http or https address
 */
export function unknownUrlPath(url: string): string {
  const parsed = checkedHttpUrl(url);
  const asked = `${parsed.pathname}${parsed.search}`;
  const parts = parsed.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(safePart);
  const isFaithful = parts.length > 0 && asked === `/${parts.join('/')}` && !LOOKS_DIGESTED.test(asked);
  const file = parts.pop() ?? 'index';
  const host = hostFolder(parsed.host);
  const path = [host, ...parts, isFaithful ? file : withDigest(file, asked)].join('/');
  return path.length <= MAX_PATH_LENGTH ? path : `${host}/${withDigest(file, asked)}`;
}

function checkedHttpUrl(url: string): URL {
  const parsed = parsedHttpUrl(url);
  if (parsed !== undefined) return parsed;
  throw new MirrorError(
    'ERR_INTEGRITY',
    `URL: expected an http or https address, found ${quoted(withoutCredentials(url))}`,
  );
}

/** The same for every URL of a host, so its digest is of the host alone. */
function hostFolder(host: string): string {
  const safe = safePart(host);
  return safe === host && host.length > 3 && !LOOKS_DIGESTED.test(host) ? safe : `${safe}-${shortDigest(host)}`;
}

function safePart(part: string): string {
  const plain = percentDecoded(part).replaceAll(/[^A-Za-z0-9._~!$&'()+,;=@-]/g, '_');
  const cut = plain.slice(0, MAX_PART_LENGTH).replace(/^\./, '_').replace(/\.$/, '_');
  return RESERVED_ON_WINDOWS.test(cut) ? `_${cut}`.slice(0, MAX_PART_LENGTH) : cut;
}

function withDigest(file: string, asked: string): string {
  const digest = shortDigest(asked);
  const dot = file.lastIndexOf('.');
  const ending = dot > 0 && file.length - dot <= 16 ? file.slice(dot) : '';
  const stem = file.slice(
    0,
    Math.min(file.length - ending.length, MAX_PART_LENGTH - ending.length - digest.length - 1),
  );
  return `${stem}-${digest}${ending}`;
}

function shortDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
