import { requireHttpAddress } from '@mirror/core/net';

/**
 * `text` as the address of a repository on a web server.
 *
 * @throws {MirrorError} ERR_USAGE when it is not http or https
 */
export function requireGitAddress(text: string): URL {
  return requireHttpAddress(text, '--git-engine system reads other kinds');
}
