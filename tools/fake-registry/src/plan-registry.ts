import { familiarCrates } from './familiar-crates.ts';
import { ordinaryCrate } from './ordinary-crate.ts';
import type { Anchor } from './ordinary-crate.ts';
import { oddCrates, specialCrates } from './special-crates.ts';
import type { CratePlan } from './version-plan.ts';

/** How large and how odd the planned registry is. */
export interface PlanOptions {
  /** Everything is drawn from it; default 1. */
  readonly seed?: number | string;
  /** How many crates; default 60, or as many as `versions` needs. */
  readonly crates?: number;
  /** How many versions in all, exactly; the plan ends there. Default: whatever the crates have. */
  readonly versions?: number;
  /** Mean number of versions of an ordinary crate; default 2.5. */
  readonly versionsPerCrate?: number;
  /** Adds names that begin with a digit, Windows device names and versions that differ in case only; default false. */
  readonly oddNames?: boolean;
  /** Begins with crates called `serde`, `tokio` …, for what documentation says about those; default false. */
  readonly familiarNames?: boolean;
}

/**
 * The crates of a registry in the order of publication: one for each special case, then ordinary ones with dependencies
 * on earlier crates. The same options give the same plan; a larger number of crates only adds crates at the end.
 */
export function* planRegistry(options: PlanOptions = {}): Generator<CratePlan> {
  const { seed = 1, versions = Infinity, versionsPerCrate = 2.5, oddNames = false, familiarNames = false } = options;
  const limit = options.crates ?? (options.versions === undefined ? 60 : Infinity);
  const budget = { crates: limit, versions };
  const taken = new Set<string>();
  const anchors: Anchor[] = [];

  const named = [...(familiarNames ? familiarCrates() : []), ...(oddNames ? oddCrates() : []), ...specialCrates()];
  for (const crate of named) {
    if (isSpent(budget)) return;
    taken.add(canonicalName(crate.name));
    yield* within(budget, crate);
  }
  for (let number = 0; !isSpent(budget); number += 1) {
    const crate = ordinaryCrate({ seed, number, anchors, meanVersions: versionsPerCrate, isTaken });
    taken.add(canonicalName(crate.name));
    anchors.push({ name: crate.name, vers: crate.versions[0]!.vers });
    yield* within(budget, crate);
  }

  function isTaken(name: string): boolean {
    return taken.has(canonicalName(name));
  }
}

interface Budget {
  crates: number;
  versions: number;
}

function isSpent(budget: Budget): boolean {
  return budget.crates <= 0 || budget.versions <= 0;
}

function* within(budget: Budget, crate: CratePlan): Generator<CratePlan> {
  const versions = crate.versions.slice(0, budget.versions);
  budget.crates -= 1;
  budget.versions -= versions.length;
  yield { name: crate.name, versions };
}

/** crates.io holds names equal that differ only in case or in `-` and `_`. */
function canonicalName(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}
