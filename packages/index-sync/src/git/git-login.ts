import { basicAuthorization, type Credentials } from '@mirror/core/net';
import { percentDecoded } from '@mirror/core/registry';

/** User and password of a git server. */
export interface GitLogin {
  readonly user: string;
  readonly password: string;
}

/**
 * Who we are to the server of `url`: a token is the password, as GitHub and GitLab take theirs; else what stands in the address. Undefined
 * without either, and for what is not http or https.
 */
export function gitLogin(url: string, token: string | undefined): GitLogin | undefined {
  if (!/^https?:/i.test(url) || !URL.canParse(url)) return undefined;
  const { username, password } = new URL(url);
  if (token === undefined && username === '' && password === '') return undefined;
  return {
    user: username === '' ? 'x-access-token' : percentDecoded(username),
    password: token ?? percentDecoded(password),
  };
}

/** The same as HTTP has it, for that server alone. */
export function gitCredentials(url: string, login: GitLogin | undefined): Credentials | undefined {
  if (login === undefined) return undefined;
  return { origin: new URL(url).origin, authorization: basicAuthorization(login.user, login.password) };
}
