import { MirrorError } from '@mirror/core/errors';
import { readSmallFile } from '@mirror/core/io';
import type { Log } from '@mirror/core/log';
import { checkedToken, splitCredentials } from '@mirror/core/net';
import type { Credentials } from '@mirror/core/net';
import { registryDl } from '@mirror/core/registry';

/** The flags that say where files come from, and what opens that. */
export interface UpstreamValues {
  readonly cratesBaseUrl: readonly string[];
  readonly indexDir: string | undefined;
  readonly tokenFile: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What is sent to which upstream: the token of `--token-file` or `MIRROR_TOKEN` to the origin of the first `--crates-base-url`, or of the `dl` of the
 * index, and to no other; user and password in a base URL to its own origin.
 *
 * @throws {MirrorError} ERR_CONFIG for a token that cannot be read or sent
 */
export function upstreamCredentials(values: UpstreamValues, env: Environment, log: Log): Credentials[] {
  const dl = values.indexDir === undefined ? undefined : registryDl(values.indexDir);
  const bases = values.cratesBaseUrl.length > 0 || dl === undefined ? values.cratesBaseUrl : [dl];
  const inAddresses = bases.map((base) => splitCredentials(base).credentials).filter((each) => each !== undefined);
  const token = tokenOf(values.tokenFile, env);
  if (token === undefined) return inAddresses;
  const [first] = bases;
  if (first === undefined || !URL.canParse(first)) {
    log.warn('the token is not used: only --crates-base-url, or a dl in the index, says whom it is for');
    return inAddresses;
  }
  return [{ origin: new URL(first).origin, authorization: token }, ...inAddresses];
}

function tokenOf(file: string | undefined, env: Environment): string | undefined {
  if (file === undefined) return checkedToken(env['MIRROR_TOKEN'], 'MIRROR_TOKEN');
  const text = readSmallFile(file, MAX_TOKEN_BYTES)?.toString('utf8');
  if (text === undefined) throw new MirrorError('ERR_CONFIG', `--token-file ${file}: no such file`);
  const token = checkedToken(text, `--token-file ${file}`);
  if (token === undefined) throw new MirrorError('ERR_CONFIG', `--token-file ${file}: the file is empty`);
  return token;
}

const MAX_TOKEN_BYTES = 16 << 10;
