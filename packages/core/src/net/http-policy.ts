import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { MirrorError, messageOf } from '../errors.ts';
import type { Credentials } from './credentials.ts';
import { readProxies } from './proxies.ts';
import type { ProxySettings } from './proxies.ts';

/** How every tool talks HTTP. */
export interface HttpPolicy {
  /** Product, version and contact, so that an upstream can reach the operator. */
  readonly userAgent: string;
  /** Certificates in PEM form that are trusted besides the usual ones. */
  readonly extraCa: string | undefined;
  /** `http_proxy`, `https_proxy` and `no_proxy` as curl reads them. */
  readonly proxies: ProxySettings;
  /** What is sent to which server, and to no other, also after a redirect. */
  readonly credentials: readonly Credentials[];
  /** Time for a connection to be made. */
  readonly connectTimeoutMs: number;
  /** Time without a byte after which an attempt is given up. */
  readonly stallTimeoutMs: number;
  /** Time for a whole attempt. */
  readonly attemptTimeoutMs: number;
}

/** What the user says about HTTP. */
export interface HttpPolicyOptions {
  /** Such as `mirror-downloader/1.0.0`. */
  readonly product: string;
  /** Replaces the product in the User-Agent. */
  readonly userAgent?: string | undefined;
  /** An address for the operator of the upstream, appended to the User-Agent. */
  readonly contact?: string | undefined;
  readonly caFile?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Credentials by server; undefined ones are passed over. */
  readonly credentials?: readonly (Credentials | undefined)[];
  readonly connectTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
  readonly attemptTimeoutMs?: number;
}

/**
 * Fill in the policy: User-Agent with contact, proxies from the environment, the extra certificates of `caFile` or `NODE_EXTRA_CA_CERTS`.
 *
 * @throws {MirrorError} ERR_CONFIG for a certificate file that cannot be read, ERR_USAGE for a contact that cannot stand in a header,
 * ERR_CONFIG for a proxy that is none
 */
export function createHttpPolicy(options: HttpPolicyOptions): HttpPolicy {
  const env = options.env ?? {};
  const agent = options.userAgent ?? options.product;
  const userAgent = options.contact === undefined ? agent : `${agent} (${options.contact})`;
  if (!/^[\x20-\x7e]{1,500}$/.test(userAgent)) {
    throw new MirrorError('ERR_USAGE', `a User-Agent must be printable ASCII, found ${JSON.stringify(userAgent)}`);
  }
  return {
    userAgent,
    extraCa: options.caFile === undefined ? undefined : readCertificates(options.caFile),
    proxies: readProxies(env),
    credentials: (options.credentials ?? []).filter((each) => each !== undefined),
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    stallTimeoutMs: options.stallTimeoutMs ?? 60_000,
    attemptTimeoutMs: options.attemptTimeoutMs ?? 300_000,
  };
}

/** The certificates to trust: undefined means the usual ones alone. */
export function trustedCertificates(policy: HttpPolicy): string[] | undefined {
  return policy.extraCa === undefined ? undefined : [...tls.rootCertificates, policy.extraCa];
}

function readCertificates(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new MirrorError('ERR_CONFIG', `cannot read the certificates of ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new MirrorError('ERR_CONFIG', `${file}: expected certificates in PEM form, found none`);
}
