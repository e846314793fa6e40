import type { LocalStorage } from '@mirror/core/mirror';
import { MirrorError } from '@mirror/core/errors';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import type { Bundler } from './bundle/create-bundler.ts';
import { BUNDLE_DEFAULTS } from './cli-bundle.ts';
import type { BundleValues } from './cli-bundle.ts';
import type { Records } from './records.ts';

/** The bundler that the flags ask for, if they do. */
export async function bundlerOf(
  values: BundleValues & { readonly manifest: string },
  storage: LocalStorage,
  records: Records,
  { log, signal }: CommandContext,
): Promise<Bundler | undefined> {
  if (!values.bundle && !values.bundleOnly) return undefined;
  const { createBundler } = await import('./bundle/create-bundler.ts');
  return createBundler({
    dir: values.bundlesOut ?? BUNDLE_DEFAULTS.bundlesOut,
    targetBytes: values.bundleSizeGb ?? BUNDLE_DEFAULTS.bundleSizeGb,
    level: values.bundleLevel ?? BUNDLE_DEFAULTS.bundleLevel,
    storage,
    records,
    manifest: values.manifest === '-' ? undefined : values.manifest,
    keepsLoose: !values.bundleOnly,
    isDeterministic: values.deterministic,
    keepsOpen: values.bundleOpen,
    signal,
    log,
  });
}

/**
 * Refuse flags that say how bundles are made when none are: files would be missing in the bundles that somebody meant to have.
 *
 * @throws {MirrorError} ERR_USAGE
 */
export function refuseWithoutBundle(values: Partial<BundleValues>, needed: string): void {
  if (values.bundle === true || values.bundleOnly === true) return;
  const { bundlesOut, bundleSizeGb, bundleLevel, deterministic, bundleOpen } = values;
  const flags = {
    ...{ 'bundles-out': bundlesOut, 'bundle-size-gb': bundleSizeGb, 'bundle-level': bundleLevel },
    ...{ deterministic, 'bundle-open': bundleOpen },
  };
  const [given] = Object.entries(flags).find(([, value]) => value !== undefined && value !== false) ?? [];
  if (given === undefined) return;
  throw new MirrorError('ERR_USAGE', `--${given} does nothing without ${needed}`, {
    hint: `add ${needed}, or leave --${given} out`,
  });
}

/** The outcome of a download, with what went into the bundles. */
export function withBundles(outcome: Outcome, bundler: Bundler | undefined): Outcome {
  if (bundler === undefined) return outcome;
  const bundles = bundler.summary();
  const refused = { code: 'ERR_PARTIAL', message: `${String(bundles.refused)} files could not be bundled` } as const;
  return {
    ...outcome,
    summary: { ...outcome.summary, bundles },
    ...(bundles.refused > 0 && outcome.failure === undefined ? { failure: refused } : {}),
  };
}
