import type { MirrorError } from '../errors.ts';

type Handler = (error: MirrorError) => void;

const handlers = new Set<Handler>();

/** Have `handler` called when a lock of this process turns out to belong to another run: whatever this process writes must stop. */
export function whenLockIsLost(handler: Handler): void {
  handlers.add(handler);
}

/** Tell that a lock is lost. Where no handler is, the process ends by the error: going on would spoil what the other run writes. */
export function lockIsLost(error: MirrorError): void {
  if (handlers.size === 0) throw error;
  for (const handler of handlers) handler(error);
}
