import { statSync } from 'node:fs';
import {
  MirrorError,
  createSelection,
  findInIndex,
  judgeSelection,
  selectionCounts,
  systemCodeOf,
  worseFailure,
} from '@mirror/core';
import type { SelectionCounts, SelectionFailure, SelectionOptions } from '@mirror/core';
import { readSelection } from '@mirror/core/cli';
import type { CommandContext } from '@mirror/core/cli';
import type { MirrorOptions } from './app/mirror.ts';
import type { MirrorValues, ViewValues } from './cli-flags.ts';
import type { ScanView } from './state/mirror-state.ts';

/** Where the mirror is, as the flags say. @throws {MirrorError} ERR_USAGE without an index; ERR_IO when a folder that is named is not there */
export function mirrorPlaces(
  values: MirrorValues,
): Pick<MirrorOptions, 'indexDir' | 'roots' | 'layout' | 'bundleDirs' | 'isVerifying'> {
  if (values.indexDir === undefined)
    throw new MirrorError('ERR_USAGE', 'no index is given', { hint: 'give --index-dir DIR' });
  // with bundles alone, there need not be a folder of loose files
  const roots = values.root.length > 0 || values.bundles.length > 0 ? values.root : ['out'];
  for (const dir of roots) requireFolder(dir, '--root');
  for (const dir of values.bundles) requireFolder(dir, '--bundles');
  return {
    indexDir: values.indexDir,
    roots,
    layout: values.layout === 'auto' ? undefined : values.layout,
    bundleDirs: values.bundles,
    isVerifying: values.verifyCrates,
  };
}

function requireFolder(dir: string, flag: string): void {
  let found: string | undefined;
  try {
    found = statSync(dir).isDirectory() ? undefined : 'found something else';
  } catch (error) {
    found = systemCodeOf(error) === 'ENOENT' ? 'found nothing' : 'it cannot be read';
  }
  if (found === undefined) return;
  throw new MirrorError('ERR_IO', `${dir}: expected a folder of crate files, ${found}`, {
    hint: `${flag} names the folder that mirror-downloader filled`,
  });
}

/** What of the mirror is shown. */
export interface ShownMirror {
  readonly options: Pick<MirrorOptions, 'view' | 'isOnlyPresent'>;
  /** The same for people. */
  readonly notes: readonly string[];
  /** The same as plain data; undefined when everything is shown. */
  readonly scanView: ScanView | undefined;
  /** Compare the selection with the index, and tell in the log what it asks for in vain. */
  judge(): Promise<JudgedView>;
}

/** What the selection flags meet in the index. */
export interface JudgedView {
  readonly counts: SelectionCounts;
  /** Whether something was chosen, and nothing at all would be shown. */
  readonly isEmpty: boolean;
  /** Lines of the index that cannot be read, and index files out of place. */
  readonly malformed: number;
  readonly failure: SelectionFailure | undefined;
}

/** What of the mirror is shown, as the flags say, and the same for people. */
export async function mirrorView(values: ViewValues, context: CommandContext): Promise<ShownMirror> {
  const { log } = context;
  const { publishedBefore, allow, onlyPresent } = values;
  if (allow.length > 0 && publishedBefore === undefined)
    throw new MirrorError('ERR_USAGE', '--allow without --published-before', { hint: 'it names what may be fresh' });
  const selection = await readSelection({ ...values, limit: 0, publishedBefore: undefined }, (packages) => {
    log.warn('packages of a Cargo.lock that are not from crates.io are left out', { packages });
  });
  const isChosen = Object.entries(selection).some(([key, value]) =>
    key === 'includeYanked' ? value === false : key !== 'withoutPubtime' && value !== undefined,
  );
  const locked = selection.locked?.map(({ name, vers }) => `${name}@=${vers.split('+')[0] ?? vers}`) ?? [];
  const notes = [
    publishedBefore === undefined
      ? undefined
      : `Only versions published before ${publishedBefore.text}${/^\d/.test(publishedBefore.text) && /[smhdw]$/.test(publishedBefore.text) ? ' ago' : ''}.`,
    publishedBefore !== undefined && values.withoutPubtime !== 'hide'
      ? 'Versions without a publish time count as old.'
      : undefined,
    onlyPresent ? 'Only versions whose file is here.' : undefined,
    isChosen ? 'Only some crates or versions.' : undefined,
  ].filter((note) => note !== undefined);
  const isWhole = !onlyPresent && publishedBefore === undefined && !isChosen;
  return {
    scanView: isWhole
      ? undefined
      : {
          selection: isChosen ? selection : undefined,
          publishedBefore: publishedBefore?.text,
          withoutPubtime: values.withoutPubtime,
          allow: [...allow, ...locked],
          isOnlyPresent: onlyPresent,
          layout: values.layout === 'auto' ? undefined : values.layout,
        },
    options: {
      isOnlyPresent: onlyPresent,
      view: {
        publishedBefore: publishedBefore?.at,
        withoutPubtime: values.withoutPubtime,
        allow: [...allow, ...locked],
        selection: isChosen ? createSelection(selection) : undefined,
      },
    },
    notes,
    judge: async () => {
      const judged = await judgeView(
        values,
        { ...selection, publishedBefore: publishedBefore?.at(Date.now()) },
        context,
      );
      return isChosen || publishedBefore !== undefined ? judged : { ...judged, isEmpty: false };
    },
  };
}

async function judgeView(
  { indexDir = '', allow }: ViewValues,
  selection: SelectionOptions,
  { log, signal }: CommandContext,
): Promise<JudgedView> {
  const found = await findInIndex(indexDir, selection, { signal, log });
  // what may be fresh is a choice of its own
  const allowed = allow.length === 0 ? undefined : await findInIndex(indexDir, { crates: allow }, { signal });
  const failure = judgeSelection(found, { indexDir, log });
  const inVain = allowed === undefined ? undefined : judgeSelection(allowed, { indexDir, log });
  return {
    counts: selectionCounts(found),
    isEmpty: found.taken === 0 && (allowed?.taken ?? 0) === 0,
    malformed: found.malformed,
    failure: worseFailure(failure, inVain),
  };
}
