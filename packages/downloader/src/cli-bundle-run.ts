import type { LocalStorage } from '@mirror/core/mirror';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import type { Bundler } from './bundle/create-bundler.ts';
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
    dir: values.bundlesOut,
    targetBytes: values.bundleSizeGb,
    level: values.bundleLevel,
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
