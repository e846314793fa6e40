import { checkedToken, splitCredentials, type Credentials } from '@mirror/core/net';
import { gitCredentials, gitLogin, type GitLogin } from './git/git-login.ts';

/** An index's address as it may be shown, and what opens it. */
export interface IndexAddress {
  readonly address: string;
  readonly credentials: Credentials | undefined;
  /** Of a git server, for the installed git. */
  readonly login: GitLogin | undefined;
}

/**
 * The address of an index without what stood in it that may not be shown, and with the token that the environment gives for it.
 *
 * @throws {MirrorError} ERR_CONFIG for a token that cannot stand in a header
 */
export function indexAddress(
  given: string,
  protocol: string,
  env: Readonly<Record<string, string | undefined>>,
): IndexAddress {
  const token = checkedToken(env['MIRROR_INDEX_TOKEN'], 'MIRROR_INDEX_TOKEN');
  const { address, credentials } = splitCredentials(given);
  if (protocol === 'git') {
    const login = gitLogin(given, token);
    return { address, credentials: gitCredentials(given, login), login };
  }
  const plain = address.replace(/^sparse\+/, '');
  if (token === undefined || !URL.canParse(plain)) return { address, credentials, login: undefined };
  // a registry takes its token as it is, as cargo sends it
  return { address, credentials: { origin: new URL(plain).origin, authorization: token }, login: undefined };
}
