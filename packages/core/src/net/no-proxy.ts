import { BlockList, isIP } from 'node:net';
import { MirrorError } from '../errors.ts';

/** Whether a host goes without a proxy. `port` is the number in use, also where the address leaves it out. */
export type IsExcepted = (host: string, port: number) => boolean;

/**
 * Read the list of `no_proxy`, separated by commas or blanks: `*` for everything; names, which stand for what is below them
 * too (`example.com`, `.example.com`, `*.example.com`); addresses; blocks of addresses (`10.0.0.0/8`, `fd00::/8`). Each but a block may
 * end with a port. Names are compared as they stand and never resolved.
 *
 * @param source - the variable, for messages
 * @throws {MirrorError} ERR_CONFIG for a block that is none
 * @see https://curl.se/libcurl/c/CURLOPT_NOPROXY.html
 */
export function parseNoProxy(list: string, source: string): IsExcepted {
  const rules = list
    .split(/[\s,]+/)
    .filter((item) => item !== '')
    .map((item) => ruleOf(item.toLowerCase(), source));
  return (host, port) => {
    const plain = host
      .toLowerCase()
      .replace(/^\[|\]$/g, '')
      .replace(/\.$/, '');
    return rules.some((rule) => rule(plain, port));
  };
}

function ruleOf(item: string, source: string): IsExcepted {
  if (item === '*') return () => true;
  if (item.includes('/')) return blockRule(item, source);
  const [, bracketed, named, portText] = /^(?:\[([0-9a-f:.]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(item) ?? [];
  const name = bracketed ?? named ?? item; // an IPv6 address may stand without brackets
  const isPort = (port: number): boolean => portText === undefined || Number(portText) === port;
  if (isIP(name) !== 0) return blockRule(`${name}/${isIP(name) === 4 ? '32' : '128'}`, source, isPort);
  const base = name.replace(/^\*?\./, '').replace(/\.$/, '');
  return (host, port) => isPort(port) && (host === base || host.endsWith(`.${base}`));
}

function blockRule(item: string, source: string, isPort: (port: number) => boolean = () => true): IsExcepted {
  const [, address = '', bits = ''] = /^\[?([0-9a-f:.]+)\]?\/(\d{1,3})$/.exec(item) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
    throw new MirrorError('ERR_CONFIG', `${source}: expected a block of addresses such as 10.0.0.0/8, found ${item}`);
  }
  const block = new BlockList();
  block.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return (host, port) => {
    const kind = isIP(host);
    return kind !== 0 && isPort(port) && block.check(host, kind === 4 ? 'ipv4' : 'ipv6');
  };
}
