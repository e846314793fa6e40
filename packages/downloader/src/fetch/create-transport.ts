import type { Log } from '@mirror/core/log';
import type { HttpPolicy } from '@mirror/core/net';
import { createAutoTransport } from './auto-transport.ts';
import type { Transport } from './transport.ts';
import { createUndiciTransport } from './undici-transport.ts';

/** `auto`: the lean one where it fits, undici elsewhere; `undici`: undici for everything. */
export type TransportKind = 'auto' | 'undici';

/** A transport of that kind, with up to `connections` to each origin. */
export function createTransport(kind: TransportKind, policy: HttpPolicy, connections: number, log: Log): Transport {
  return kind === 'auto' ? createAutoTransport(policy, connections, log) : createUndiciTransport(policy, connections);
}
