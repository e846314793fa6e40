import { nearestName } from '../registry/selection/nearest-name.ts';
import { variableOf } from './config.ts';
import { OTHER_SETTINGS, SETTING_NAMES } from './setting-names.ts';

/** A variable of the environment that looks like a setting and is none. */
export interface UnknownSetting {
  readonly setting: string;
  /** The setting that was most likely meant. */
  readonly did_you_mean?: string;
}

/**
 * The variables `MIRROR_…` that no tool of ours knows: most likely typing mistakes, which would change nothing in silence. One that another
 * tool knows is no surprise, since one environment serves them all.
 *
 * @param own - the flags of this tool
 */
export function unknownSettings(
  env: Readonly<Record<string, string | undefined>>,
  own: ReadonlySet<string>,
): readonly UnknownSetting[] {
  const given = Object.keys(env).filter(
    (name) => name.startsWith(PREFIX) && env[name] !== undefined && env[name] !== '',
  );
  if (given.length === 0) return [];
  const known = new Set([...OTHER_SETTINGS, ...[...own, ...SETTING_NAMES].map(variableOf)]);
  const names = [...known].map((name) => name.slice(PREFIX.length));
  return given
    .filter((name) => !known.has(name))
    .sort()
    .map((setting) => {
      const nearest = nearestName(setting.slice(PREFIX.length), names);
      return nearest === undefined ? { setting } : { setting, did_you_mean: `${PREFIX}${nearest}` };
    });
}

const PREFIX = 'MIRROR_';
