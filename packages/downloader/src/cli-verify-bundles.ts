import { existsSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, createFingerprintSet, fingerprintOf } from '@mirror/core';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { verifyBundles } from './bundle/verify-bundles.ts';
import type { CrateJob } from './fetch/crate-job.ts';
import type { WorkList } from './work-list.ts';

/** What the bundles contribute to a verification. */
export interface CheckedBundles {
  /** What is left to be looked for among the loose files: what no bundle has, and what is loose besides. */
  without(work: WorkList): WorkList;
  /** How many versions were found intact in bundles so far. */
  intact(): number;
  /** The outcome, with what was found in the bundles. */
  addTo(outcome: Outcome): Outcome;
}

/** Read the bundles that `--bundles` names, if it is given, and print what is wrong with them. Keeps eight bytes for each entry, doubled for room. */
export async function checkBundles(
  { bundles: dir, out }: { readonly bundles: string | undefined; readonly out: string },
  { print, signal }: CommandContext,
): Promise<CheckedBundles> {
  if (dir === undefined) return { without: (work) => work, intact: () => 0, addTo: (outcome) => outcome };
  if (!existsSync(dir)) throw new MirrorError('ERR_IO', `no bundles at ${dir}`);
  const intact = createFingerprintSet();
  const counts = { bundles: 0, entries: 0, faults: 0, versions: 0 };
  const reading = verifyBundles(dir, {
    signal,
    onBundle: () => (counts.bundles += 1),
    onIntact: (entry) => {
      counts.entries += 1;
      intact.add(fingerprintOf(entry.sha256 + entry.path));
    },
  });
  for await (const fault of reading) {
    counts.faults += 1;
    await print({ problem: 'bundle', ...fault });
  }

  const isPacked = ({ path: file, sha256 }: CrateJob): boolean =>
    sha256 !== undefined && intact.has(fingerprintOf(sha256 + file)) && !existsSync(path.join(out, file));

  async function* unpacked(batches: WorkList['batches']): WorkList['batches'] {
    for await (const batch of batches) {
      const rest = batch.filter((job) => !isPacked(job));
      counts.versions += batch.length - rest.length;
      yield rest;
    }
  }

  return {
    without: (work) => ({ ...work, batches: unpacked(work.batches) }),
    intact: () => counts.versions,
    addTo: (outcome) => {
      const message = `${String(counts.faults)} faults in bundles`;
      const failure = counts.faults > 0 ? { failure: { code: 'ERR_INTEGRITY', message } as const } : {};
      const summary = { ...outcome.summary, ...(counts.faults > 0 ? { result: 'damaged' } : {}), in_bundles: counts };
      return { ...failure, ...outcome, summary };
    },
  };
}
