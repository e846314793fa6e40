import { MirrorError } from '@mirror/core/errors';

/**
 * `text` as the address of something on a web server.
 *
 * @param hint - what else would help
 * @throws {MirrorError} ERR_USAGE when it is not http or https
 */
export function requireHttpAddress(text: string, hint?: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new MirrorError('ERR_USAGE', `${text}: expected an http or https address`, hint === undefined ? {} : { hint });
}

/** What reads a repository that is elsewhere. */
export const OTHER_KINDS = '--git-engine system reads other kinds';
