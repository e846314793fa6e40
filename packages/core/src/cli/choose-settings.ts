import type { Setting } from './config.ts';
import type { Flags } from './flags.ts';

/** A setting that does not count, since one that is nearer to the run excludes it. */
export interface PassedOver {
  /** Such as `MIRROR_INDEX_DIR`. */
  readonly setting: string;
  /** Such as `--list`. */
  readonly for: string;
}

/**
 * The settings that count, by flag: of several for one flag the one of the nearest source, and of two flags that exclude each other
 * the nearer one too, so that what the environment says for every run does not stand in the way of what is said for this one. A flag that is set
 * to its default excludes nothing; two of the same source are left for the command to refuse.
 *
 * @param sources - nearest first: command line, environment, file
 */
export function chooseSettings(
  flags: Flags,
  eitherOr: readonly (readonly [string, string])[],
  sources: readonly ReadonlyMap<string, Setting>[],
): { readonly settings: ReadonlyMap<string, Setting>; readonly passedOver: readonly PassedOver[] } {
  const distance = (name: string): number => sources.findIndex((source) => source.has(name));
  const settings = new Map<string, Setting>();
  for (const name of Object.keys(flags)) {
    const setting = sources[distance(name)]?.get(name);
    if (setting !== undefined) settings.set(name, setting);
  }
  const passedOver: PassedOver[] = [];
  for (const pair of eitherOr) {
    const [near, far] = distance(pair[0]) <= distance(pair[1]) ? pair : ([pair[1], pair[0]] as const);
    const [kept, dropped] = [settings.get(near), settings.get(far)];
    if (kept === undefined || dropped === undefined || distance(near) === distance(far)) continue;
    if (isDefault(flags, near, kept) || isDefault(flags, far, dropped)) continue;
    settings.delete(far);
    passedOver.push({ setting: dropped.origin, for: kept.origin });
  }
  return { settings, passedOver };
}

function isDefault(flags: Flags, name: string, { parts }: Setting): boolean {
  const fallback = flags[name]?.default;
  return fallback !== undefined && parts.at(-1) === String(fallback);
}
