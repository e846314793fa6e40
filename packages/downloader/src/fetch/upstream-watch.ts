import { MirrorError } from '@mirror/core/errors';
import type { CrateResult } from './crate-job.ts';

/** Notices an upstream that gives no answer at all: then it is of no use to go through the whole list. */
export interface UpstreamWatch {
  /** Aborted with a `MirrorError` ERR_NETWORK when upstream is given up. */
  readonly signal: AbortSignal;
  /** Look at how a version ended. */
  see(result: CrateResult): void;
}

/**
 * A watch that gives up when many versions in a row got no answer, after all retries, and the last answer was long ago: an outage of
 * some minutes is waited out by the retries and the second round.
 */
export function createUpstreamWatch(): UpstreamWatch {
  const controller = new AbortController();
  let silent = 0;
  let lastAnswer = Number.NEGATIVE_INFINITY;
  return {
    signal: controller.signal,
    see: (result) => {
      const isSilent = result.status === 'failed' && result.isTransient && result.httpStatus === undefined;
      silent = isSilent ? silent + 1 : 0;
      if (!isSilent) lastAnswer = performance.now();
      if (silent < SILENT_VERSIONS || performance.now() - lastAnswer < SILENT_MS) return;
      const text = `upstream gives no answer: ${String(silent)} versions failed in a row, the last one with ${result.error ?? ''}`;
      controller.abort(new MirrorError('ERR_NETWORK', text, { hint: 'a rerun goes on where this one stopped' }));
    },
  };
}

const SILENT_MS = 300_000;
const SILENT_VERSIONS = 100;
