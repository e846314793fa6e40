// Many files as few values: to send thousands of small objects between threads costs more than to make them.
import type { Algorithm } from './algorithms.ts';
import { isHashed } from './hash-file.ts';
import type { FileOutcome } from './hash-file.ts';
import type { Problem } from './problem.ts';
import type { TreePath } from './tree-path.ts';

/** Paths as one text. */
export function packPaths(paths: readonly TreePath[]): string {
  return paths.join(NUL);
}

/** The paths that were packed. */
export function unpackPaths(packed: string): readonly TreePath[] {
  return packed.split(NUL);
}

/** What became of many files, without their paths. */
export interface PackedOutcomes {
  readonly sizes: Float64Array;
  readonly modifiedNs: readonly bigint[];
  /** All digests one after the other, those of a file together; a file with a problem has none. */
  readonly digests: string;
  /** By the place of the file. */
  readonly problems: ReadonlyMap<number, Problem>;
}

/** Pack outcomes; their paths are left out. */
export function packOutcomes(outcomes: readonly FileOutcome[]): PackedOutcomes {
  const problems = new Map<number, Problem>();
  const digests: string[] = [];
  outcomes.forEach((outcome, i) => {
    if (isHashed(outcome)) digests.push(...outcome.digests);
    else problems.set(i, outcome);
  });
  return {
    sizes: Float64Array.from(outcomes, (outcome) => (isHashed(outcome) ? outcome.size : 0)),
    modifiedNs: outcomes.map((outcome) => (isHashed(outcome) ? outcome.modifiedNs : 0n)),
    digests: digests.join(''),
    problems,
  };
}

/** The outcomes that were packed, given the paths and the algorithms of the task; there may be fewer of them than paths. */
export function unpackOutcomes(
  { sizes, modifiedNs, digests, problems }: PackedOutcomes,
  paths: readonly TreePath[],
  algorithms: readonly Algorithm[],
): readonly FileOutcome[] {
  let at = 0;
  return paths.slice(0, sizes.length).map((path, i) => {
    const problem = problems.get(i);
    if (problem !== undefined) return problem;
    const own = algorithms.map(({ digestBytes }) => digests.slice(at, (at += 2 * digestBytes)));
    return { path, size: sizes[i]!, modifiedNs: modifiedNs[i]!, digests: own };
  });
}

/** No path has it. */
const NUL = '\0';
