import type { Setting } from './config.ts';

/**
 * The flags of these names as they were set, wherever that was, in the words of a command line: for a tool that runs another one. What
 * was not set is not passed on, so that the other tool's defaults hold.
 */
export function passOn(settings: ReadonlyMap<string, Setting>, names: readonly string[]): string[] {
  return names.flatMap((name) => (settings.get(name)?.parts ?? []).map((part) => `--${name}=${part}`));
}
