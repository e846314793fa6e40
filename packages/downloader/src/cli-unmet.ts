import { worseFailure } from '@mirror/core/registry';
import type { SelectionFailure } from '@mirror/core/registry';
import type { Outcome } from '@mirror/core/cli';

/** The outcome of a run whose selection asked for something that the source does not have: then it is not complete, however well the rest went. */
export function withUnmet(outcome: Outcome, unmet: SelectionFailure | undefined): Outcome {
  if (unmet === undefined) return outcome;
  const { summary = {} } = outcome;
  const result = 'result' in summary && isGood(summary.result) ? { result: 'incomplete' } : {};
  const failure = worseFailure(unmet, outcome.failure);
  return { ...outcome, summary: { ...summary, ...result }, ...(failure === undefined ? {} : { failure }) };
}

function isGood(result: unknown): boolean {
  return typeof result === 'string' && /^(?:complete|intact|repaired)/.test(result);
}
