import { once } from 'node:events';
import type { Server } from 'node:net';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core';
import { hostPort } from './host-port.ts';

/**
 * Let `server` listen.
 *
 * @throws {MirrorError} ERR_CONFIG that says why it cannot, and what helps
 */
export async function listenOn(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const { reason, hint } = REASONS[systemCodeOf(cause) ?? ''] ?? { reason: messageOf(cause), hint: undefined };
    throw new MirrorError('ERR_CONFIG', `cannot listen on ${hostPort(host, port)}: ${reason}`, {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

const NO_SUCH_ADDRESS = {
  reason: 'no network interface of this machine has this address',
  hint: '--listen takes an address of this machine; 0.0.0.0:PORT or [::]:PORT listens on all of them',
};
const NO_SUCH_NAME = {
  reason: 'the host name cannot be resolved',
  hint: 'give an address such as 127.0.0.1:8080, or 0.0.0.0:8080 for all of them',
};
const REASONS: Readonly<Record<string, { readonly reason: string; readonly hint: string }>> = {
  EADDRINUSE: {
    reason: 'the port is in use',
    hint: 'stop the other program, or choose another port with --listen HOST:PORT; port 0 takes a free one',
  },
  EACCES: {
    reason: 'permission denied',
    hint: 'ports below 1024 need a privilege: choose a port above, or put a proxy in front',
  },
  EADDRNOTAVAIL: NO_SUCH_ADDRESS,
  EAFNOSUPPORT: { reason: 'this machine does not speak IPv6', hint: 'give an IPv4 address' },
  EINVAL: NO_SUCH_ADDRESS,
  ENOTFOUND: NO_SUCH_NAME,
  EAI_AGAIN: NO_SUCH_NAME,
};
