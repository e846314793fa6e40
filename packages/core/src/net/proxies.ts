import { MirrorError } from '../errors.ts';
import { percentDecoded } from '../registry/url-text.ts';
import { basicAuthorization } from './credentials.ts';
import { parseNoProxy } from './no-proxy.ts';

/** A proxy, reached by HTTP or by HTTPS. */
export interface Proxy {
  /** `http://proxy.example:3128`: neither credentials nor a path. */
  readonly origin: string;
  /** The value of `Proxy-Authorization`. */
  readonly authorization: string | undefined;
}

/** Proxies by scheme of the target, and who goes without. Plain data, so that it can be sent to a thread. */
export interface ProxySettings {
  readonly http: Proxy | undefined;
  readonly https: Proxy | undefined;
  readonly noProxy: string;
}

/** The proxy that a request to an http or https URL goes through; undefined for none. */
export type ProxyRoute = (url: URL) => Proxy | undefined;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxies that the environment names, as curl and cargo read them: `http_proxy`, `https_proxy`, `all_proxy` for both, `no_proxy`, also
 * in capitals. An empty variable counts as none; without a scheme a proxy is reached by HTTP.
 *
 * @throws {MirrorError} ERR_CONFIG that names the variable, for what is no address of an http or https proxy
 */
export function readProxies(env: Environment): ProxySettings {
  const [noProxyName, noProxy = ''] = firstSet(env, ['no_proxy']);
  parseNoProxy(noProxy, noProxyName);
  if (noProxy.trim() === '*') return { http: undefined, https: undefined, noProxy };
  return {
    http: proxyOf(...firstSet(env, ['http_proxy', 'all_proxy'])),
    https: proxyOf(...firstSet(env, ['https_proxy', 'all_proxy'])),
    noProxy,
  };
}

/** Which proxy each request goes through. */
export function createProxyRoute({ http, https, noProxy }: ProxySettings): ProxyRoute {
  if (http === undefined && https === undefined) return () => undefined;
  const isExcepted = parseNoProxy(noProxy, 'no_proxy');
  return ({ protocol, hostname, port }) => {
    const proxy = protocol === 'https:' ? https : http;
    if (proxy === undefined) return undefined;
    return isExcepted(hostname, port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)) ? undefined : proxy;
  };
}

function firstSet(env: Environment, names: readonly string[]): [name: string, value: string | undefined] {
  const name = names
    .flatMap((each) => [each, each.toUpperCase()])
    .find((each) => env[each] !== undefined && env[each].trim() !== '');
  return name === undefined ? [names[0] ?? '', undefined] : [name, env[name]?.trim()];
}

function proxyOf(variable: string, value: string | undefined): Proxy | undefined {
  if (value === undefined) return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol.startsWith('socks') === true) {
    throw new MirrorError('ERR_CONFIG', `${variable}: SOCKS proxies are not supported`, {
      hint: `name an http or https proxy, or unset ${variable}`,
    });
  }
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    // the value may hold a password
    throw new MirrorError('ERR_CONFIG', `${variable}: expected the address of an http or https proxy`, {
      hint: `such as ${variable}=http://proxy.example:3128`,
    });
  }
  const { origin, username, password } = url;
  const isOpen = username === '' && password === '';
  return {
    origin,
    authorization: isOpen ? undefined : basicAuthorization(percentDecoded(username), percentDecoded(password)),
  };
}
