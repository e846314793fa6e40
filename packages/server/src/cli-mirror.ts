import { MirrorError, createSelection } from '@mirror/core';
import { readSelection } from '@mirror/core/cli';
import type { CommandContext } from '@mirror/core/cli';
import type { MirrorOptions } from './app/mirror.ts';
import type { MirrorValues, ViewValues } from './cli-flags.ts';

/** Where the mirror is, as the flags say. @throws {MirrorError} ERR_USAGE without an index */
export function mirrorPlaces(
  values: MirrorValues,
): Pick<MirrorOptions, 'indexDir' | 'roots' | 'layout' | 'bundleDirs' | 'isVerifying'> {
  if (values.indexDir === undefined)
    throw new MirrorError('ERR_USAGE', 'no index is given', { hint: 'give --index-dir DIR' });
  return {
    indexDir: values.indexDir,
    // with bundles alone, there need not be a folder of loose files
    roots: values.root.length > 0 || values.bundles.length > 0 ? values.root : ['out'],
    layout: values.layout === 'auto' ? undefined : values.layout,
    bundleDirs: values.bundles,
    isVerifying: values.verifyCrates,
  };
}

/** What of the mirror is shown, as the flags say, and the same for people. */
export async function mirrorView(
  values: ViewValues,
  { log }: CommandContext,
): Promise<{ readonly options: Pick<MirrorOptions, 'view' | 'isOnlyPresent'>; readonly notes: readonly string[] }> {
  const { publishedBefore, allow, onlyPresent } = values;
  if (allow.length > 0 && publishedBefore === undefined)
    throw new MirrorError('ERR_USAGE', '--allow without --published-before', { hint: 'it names what may be fresh' });
  const selection = await readSelection({ ...values, limit: 0, publishedBefore: undefined }, (packages) => {
    log.warn('packages of a Cargo.lock that are not from crates.io are left out', { packages });
  });
  const isChosen = Object.entries(selection).some(([key, value]) =>
    key === 'includeYanked' ? value === false : value !== undefined,
  );
  const locked = selection.locked?.map(({ name, vers }) => `${name}@=${vers.split('+')[0] ?? vers}`) ?? [];
  const notes = [
    publishedBefore === undefined
      ? undefined
      : `Only versions published before ${publishedBefore.text}${/^\d/.test(publishedBefore.text) && /[smhdw]$/.test(publishedBefore.text) ? ' ago' : ''}.`,
    onlyPresent ? 'Only versions whose file is here.' : undefined,
    isChosen ? 'Only some crates or versions.' : undefined,
  ].filter((note) => note !== undefined);
  return {
    options: {
      isOnlyPresent: onlyPresent,
      view: {
        publishedBefore: publishedBefore?.at,
        allow: [...allow, ...locked],
        selection: isChosen ? createSelection(selection) : undefined,
      },
    },
    notes,
  };
}
