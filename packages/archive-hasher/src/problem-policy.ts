import { MirrorError } from '@mirror/core/errors';
import { silentLog } from '@mirror/core/log';
import type { HashArchiveOptions, ProblemPolicy } from './hash-options.ts';
import type { Problem, ProblemReason } from './problem.ts';

/** How many problems there were, by what became of them. */
export interface ProblemCounts {
  failed: number;
  skipped: number;
}

/**
 * Tell of a problem, in the words for its policy, and count it; gives the policy.
 *
 * @throws {MirrorError} ERR_IO when the policy is to end the run
 */
export function applyPolicy(
  { path, reason, detail }: Problem,
  { policies = {}, log = silentLog }: Pick<HashArchiveOptions, 'policies' | 'log'>,
  counts: ProblemCounts,
  words: Readonly<Record<Exclude<ProblemPolicy, 'fail'>, string>>,
): Exclude<ProblemPolicy, 'fail'> {
  const policy = policies[reason] ?? 'report';
  if (policy === 'fail') {
    throw new MirrorError('ERR_IO', `${path}: ${reason} (${detail})`, {
      hint: `${FLAGS[reason]} says that such an item ends the run`,
    });
  }
  log.warn(words[policy], { path, reason, detail });
  counts[policy === 'skip' ? 'skipped' : 'failed'] += 1;
  return policy;
}

const FLAGS: Readonly<Record<ProblemReason, string>> = {
  special: '--on-special',
  unreadable: '--on-unreadable',
  changed: '--on-change',
  vanished: '--on-change',
  symlink: 'the policy for links',
};
