import { MirrorError } from '../errors.ts';
import { withoutCredentials } from './redact.ts';

/**
 * `text` as the address of something on a web server.
 *
 * @param hint - what else would help
 * @throws {MirrorError} ERR_USAGE when it is not http or https
 */
export function requireHttpAddress(text: string, hint?: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new MirrorError(
    'ERR_USAGE',
    `${withoutCredentials(text)}: expected an http or https address`,
    hint === undefined ? {} : { hint },
  );
}
