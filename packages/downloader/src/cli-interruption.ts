import { MirrorError } from '@mirror/core/cli';
import type { Outcome } from '@mirror/core/cli';

/** How a command ended that `signal` stopped; undefined when nothing did. */
export function interruptionOf({ aborted, reason }: AbortSignal): Outcome['failure'] {
  return aborted && reason instanceof MirrorError ? { code: reason.code, message: reason.message } : undefined;
}
