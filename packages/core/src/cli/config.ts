import { readFile } from 'node:fs/promises';
import { MirrorError, messageOf } from '../errors.ts';
import type { Flags } from './flags.ts';

/** Values for flags from somewhere else than the command line, with their origin for error messages. */
export interface Setting {
  readonly parts: readonly string[];
  /** Such as `MIRROR_OUT` or `mirror.yaml: out`. */
  readonly origin: string;
}

/** The variable of the environment that sets a flag: `index-dir` → `MIRROR_INDEX_DIR`. */
export function variableOf(name: string): string {
  return `MIRROR_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** Settings from the environment: `MIRROR_<FLAG>` for each known flag. An empty one counts as not set. */
export function settingsFromEnv(flags: Flags, env: Readonly<Record<string, string | undefined>>): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const name of Object.keys(flags)) {
    const variable = variableOf(name);
    const value = env[variable];
    if (value !== undefined && value !== '') settings.set(name, { parts: [value], origin: variable });
  }
  return settings;
}

/**
 * Settings from a JSON or YAML file: one key per flag, kebab-case, a list for flags that take several.
 * A key that no command of the tool knows is an error, since it is most likely a typing mistake; one that only another command of
 * the tool knows is passed over.
 *
 * @throws {MirrorError} ERR_CONFIG when the file cannot be read or is not such a file
 */
export async function settingsFromFile(
  file: string,
  flags: Flags,
  known: ReadonlySet<string>,
): Promise<Map<string, Setting>> {
  const content = await parse(file);
  const settings = new Map<string, Setting>();
  for (const [key, value] of Object.entries(content)) {
    const name = key.replaceAll('_', '-');
    if (!known.has(name)) {
      throw new MirrorError('ERR_CONFIG', `${file}: unknown setting ${JSON.stringify(key)}`, {
        hint: 'see --help for the flags',
      });
    }
    if (!(name in flags) || value === null) continue;
    const origin = `${file}: ${key}`;
    if (Array.isArray(value) && flags[name]?.kind !== 'list')
      throw new MirrorError('ERR_CONFIG', `${origin}: expected one value, found a list`, {
        hint: `see --help for --${name}`,
      });
    if (settings.has(name)) throw new MirrorError('ERR_CONFIG', `${origin}: --${name} is set twice in this file`);
    const parts = (Array.isArray(value) ? value : [value]).map((part: unknown) => textOf(part, origin));
    settings.set(name, { parts, origin });
  }
  return settings;
}

async function parse(file: string): Promise<object> {
  let content: unknown;
  try {
    const text = await readFile(file, 'utf8');
    content = file.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text);
  } catch (error) {
    throw new MirrorError('ERR_CONFIG', `cannot read the config file ${file}: ${messageOf(error)}`, { cause: error });
  }
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  throw new MirrorError('ERR_CONFIG', `${file}: expected one mapping of settings`);
}

function textOf(value: unknown, origin: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new MirrorError(
    'ERR_CONFIG',
    `${origin}: expected a text, a number or true/false, found ${JSON.stringify(value)}`,
  );
}
