import { isIP } from 'node:net';

/** Whether an address or name can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIP(name) === 4) return name.startsWith('127.');
  if (isIP(name) === 6) return name === '::1';
  return name === 'localhost' || name.endsWith('.localhost');
}

/**
 * Whether a request with this `Host` is meant for a listener bound to `boundHost`. One on the loopback takes only names of the loopback:
 * else a page of somebody else's, whose name is made to point here, could read what it says.
 */
export function isHostAllowed(boundHost: string, header: string | undefined): boolean {
  if (header === undefined) return true; // HTTP/1.0, which no browser speaks
  const name = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::\d{1,5})?$/.exec(header)?.[1];
  if (name === undefined) return false;
  return !isLoopback(boundHost) || isLoopback(name);
}
