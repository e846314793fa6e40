/** Versions that a selection was asked about by name, pattern or not at all, and did not take, by reason. One shape for the summaries of all tools. */
export interface LeftOut {
  /** Yanked, with `--no-include-yanked`. */
  yanked: number;
  /** Meant by `--exclude`. */
  excluded: number;
  /** Not published before `--published-before`. */
  too_new: number;
  /** Published before `--published-after`. */
  too_old: number;
  /** Without a publish time where one was needed. */
  without_pubtime: number;
  /** Older than the newest that `--latest` takes. */
  not_latest: number;
}

/** Nothing left out. */
export function noneLeftOut(): LeftOut {
  return { yanked: 0, excluded: 0, too_new: 0, too_old: 0, without_pubtime: 0, not_latest: 0 };
}

/** The sum of two. */
export function sumOfLeftOut(a: Readonly<LeftOut>, b: Readonly<LeftOut>): LeftOut {
  const sum = noneLeftOut();
  for (const reason of Object.keys(sum) as (keyof LeftOut)[]) sum[reason] = a[reason] + b[reason];
  return sum;
}
