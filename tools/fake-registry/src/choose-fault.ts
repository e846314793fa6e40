import type { FaultRule } from './fault.ts';
import { chanceOf } from './random.ts';

/** The request a fault may befall. */
export interface FaultCase {
  /** Decoded, `+` literal, without the query. */
  readonly path: string;
  /** 1 for the first request of this path. */
  readonly attempt: number;
  readonly hasRange: boolean;
}

/** The first rule that applies to the request, or undefined. The same seed, rules, path and attempt choose alike. */
export function chooseFault(
  rules: readonly FaultRule[],
  seed: number | string,
  request: FaultCase,
): FaultRule | undefined {
  return rules.find((rule, index) => isMet(rule, request) && isDrawn(rule, index, seed, request));
}

function isMet(rule: FaultRule, { path, attempt, hasRange }: FaultCase): boolean {
  if (rule.times !== undefined && attempt > rule.times) return false;
  if (rule.kind === 'bad-range' && rule.how !== 'unsolicited' && !hasRange) return false;
  return matches(rule.match, path);
}

function matches(match: FaultRule['match'], path: string): boolean {
  if (match === undefined) return path.startsWith('/crates/');
  if (typeof match === 'string') return match === path;
  return match instanceof RegExp ? path.search(match) >= 0 : match(path); // search() does not move lastIndex
}

function isDrawn(
  { rate = 1, per = 'attempt' }: FaultRule,
  index: number,
  seed: number | string,
  request: FaultCase,
): boolean {
  if (rate >= 1) return true;
  return chanceOf(seed, 'fault', index, request.path, per === 'path' ? 0 : request.attempt) < rate;
}
