import { MirrorError } from '@mirror/core/errors';
import type { Setback } from './fetch-lane.ts';

/** Notices an upstream that gives no answer at all: then it is of no use to go through the whole list. */
export interface UpstreamWatch {
  /** Aborted with a `MirrorError` ERR_NETWORK when upstream is given up. */
  readonly signal: AbortSignal;
  /** An attempt brought a file. */
  answered(): void;
  /** An attempt did not; that a server said why is an answer. */
  setback(setback: Setback): void;
}

/**
 * A watch that gives up when attempts fail without an answer for `silentMs` milliseconds: shorter outages are waited out by the retries and the
 * second round. It sees every attempt, not the versions that are done with: while upstream is away, none may be.
 */
export function createUpstreamWatch(silentMs: number): UpstreamWatch {
  const controller = new AbortController();
  let silent = 0;
  let silentSince = 0;
  const answered = (): void => void (silent = 0);
  return {
    signal: controller.signal,
    answered,
    setback: ({ httpStatus, cause, error }) => {
      if (httpStatus !== undefined || cause === 'refused') {
        answered();
        return;
      }
      silent += 1;
      if (silent === 1) silentSince = performance.now();
      const seconds = Math.round((performance.now() - silentSince) / 1000);
      if (silent < SILENT_ATTEMPTS || performance.now() - silentSince < silentMs) return;
      const text = `upstream has not answered for ${String(seconds)} s: ${String(silent)} attempts failed, the last one with ${error}`;
      const hint = 'check the network and --crates-base-url, then rerun: it continues where this run stopped';
      controller.abort(new MirrorError('ERR_NETWORK', text, { hint }));
    },
  };
}

/** Fewer say nothing about upstream: the connection of one request may hang for long. */
const SILENT_ATTEMPTS = 10;
