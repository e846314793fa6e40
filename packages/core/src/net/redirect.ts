import { MirrorError } from '../errors.ts';
import { redactUrls } from './redact.ts';

/** As many as browsers and curl's users are used to see. */
export const MAX_REDIRECTS = 10;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether an answer with this status and a `Location` sends its client elsewhere. */
export function isRedirectStatus(status: number): boolean {
  return REDIRECTS.has(status);
}

/**
 * Where a redirect leads, with user and password taken off. Only to http and https, and never from https back to http: a mirror must not be
 * led to read local files, nor to give up encryption.
 *
 * @throws {MirrorError} ERR_HTTP when it leads anywhere else
 */
export function redirectTarget(from: string, location: string): URL {
  const shown = redactUrls(JSON.stringify(location.slice(0, 200)));
  if (!URL.canParse(location, from))
    throw new MirrorError('ERR_HTTP', `${from} redirects to ${shown}, which is no URL`);
  const target = new URL(location, from);
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    throw new MirrorError('ERR_HTTP', `expected an http or https URL, found ${shown} as the redirect of ${from}`);
  }
  if (from.startsWith('https:') && target.protocol === 'http:')
    throw new MirrorError('ERR_HTTP', `${from} redirects from https to http: ${shown}`);
  target.username = target.password = target.hash = '';
  return target;
}
