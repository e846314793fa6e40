import { MirrorError, messageOf } from '../errors.ts';
import { parseBandwidth, parseDuration, parseRate, parseSize } from './quantities.ts';

/**
 * One flag of a command, as data: the parser, `--help`, the completion scripts and the manual pages are all made from it.
 * `T` is the type of its value inside the program, in base units (milliseconds, bytes).
 */
export interface Flag<T> {
  /** How the value is written: nothing, one text, or several. */
  readonly kind: 'boolean' | 'text' | 'list';
  /** What it does, for `--help`. */
  readonly describe: string;
  /** The default as the user would write it; undefined means none. */
  readonly default: string | boolean | undefined;
  /** How the help shows the default, where it depends on the machine. */
  readonly defaultText: string | undefined;
  /** From text (for `list` from all its parts) to the value; throws `MirrorError` ERR_USAGE. */
  readonly parse: (text: string, parts: readonly string[]) => T;
  /** The only values allowed. */
  readonly choices: readonly string[] | undefined;
  /** What the help calls the value: `DIR`, `N`, `DURATION`. */
  readonly value: string;
  /** The heading it stands under in `--help`. */
  readonly group: string | undefined;
}

/** A table of flags by kebab-case name. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The parsed values of a flag table, by camelCase name. */
export type FlagValues<F extends Flags> = {
  readonly [K in keyof F & string as CamelCase<K>]: F[K] extends Flag<infer T> ? T : never;
};

/** What every kind of flag takes. */
export interface FlagOptions {
  readonly describe: string;
  readonly value?: string;
  readonly group?: string;
  readonly defaultText?: string;
}

interface DurationOptions {
  readonly bareUnit?: 'ms' | 's';
  readonly isAge?: boolean;
}

const LONGEST_TIMER_MS = 24 * 24 * 3_600_000;

interface WithDefault {
  readonly default: string;
}

/** The kinds of flag. A flag without `default` may be absent: its value is then undefined. */
export const flag = {
  /** Any text: a path, a URL, a pattern. */
  string: ((options: FlagOptions & Partial<WithDefault>) =>
    text(options, 'TEXT', (given) => given)) as TextFlag<string>,
  /** A whole number of at least `min` (default 0). */
  number: ((options: FlagOptions & Partial<WithDefault> & { min?: number }) =>
    text(options, 'N', (given) => parseWhole(given, options.min ?? 0))) as TextFlag<number, { min?: number }>,
  /**
   * A duration in milliseconds; a bare number has the unit `bareUnit` (default seconds). With `isAge` it may be of any length; else a timer will
   * wait for it, and one that is longer than timers can be is refused: Node would make it a millisecond.
   */
  duration: ((options: FlagOptions & Partial<WithDefault> & DurationOptions) =>
    text(options, 'DURATION', (given) => {
      const ms = parseDuration(given, options.bareUnit);
      if (options.isAge === true || ms <= LONGEST_TIMER_MS) return ms;
      throw new MirrorError('ERR_USAGE', `expected at most 24d, found ${JSON.stringify(given)}`);
    })) as TextFlag<number, DurationOptions>,
  /** A size in bytes; a bare number has the unit `bareUnit` (default bytes). */
  size: ((options: FlagOptions & Partial<WithDefault> & { bareUnit?: string }) =>
    text(options, 'SIZE', (given) => parseSize(given, options.bareUnit))) as TextFlag<number, { bareUnit?: string }>,
  /** Events per second. */
  rate: ((options: FlagOptions & Partial<WithDefault>) => text(options, 'N/s', parseRate)) as TextFlag<number>,
  /** Bytes per second. */
  bandwidth: ((options: FlagOptions & Partial<WithDefault>) =>
    text(options, 'SIZE/s', parseBandwidth)) as TextFlag<number>,
  /** On or off; `--no-x` turns it off. */
  boolean(options: FlagOptions & { default?: boolean }): Flag<boolean> {
    return { ...base(options, 'BOOL'), kind: 'boolean', default: options.default ?? false, parse: parseBoolean };
  },
  /** One of a few words. */
  choice<const T extends string>(options: FlagOptions & { choices: readonly T[]; default: NoInfer<T> }): Flag<T> {
    const parse = (given: string): T => {
      const found = options.choices.find((choice) => choice === given);
      if (found !== undefined) return found;
      throw new MirrorError('ERR_USAGE', `expected ${options.choices.join(' or ')}, found ${JSON.stringify(given)}`);
    };
    return {
      ...base(options, options.choices.join('|')),
      kind: 'text',
      default: options.default,
      parse,
      choices: options.choices,
    };
  },
  /** Several texts: the flag given again, or one text with commas. Absent means an empty list. */
  list(options: FlagOptions): Flag<readonly string[]> {
    const parse = (_: string, parts: readonly string[]): readonly string[] =>
      parts.flatMap(splitList).filter((part) => part !== '');
    return { ...base(options, 'LIST'), kind: 'list', default: undefined, parse };
  },
  /** A text with a meaning of its own. */
  parsed: ((options: FlagOptions & Partial<WithDefault> & { parse: (text: string) => unknown }) =>
    text(options, 'TEXT', options.parse)) as ParsedFlag,
};

/** `index-dir` → `indexDir`. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Read one flag's value from text, the only way from text to a value: for the command line, the environment and files. Of several values the last
 * counts, and all must be valid. An error names the flag, the value and where it came from.
 */
export function parseFlag<T>(name: string, spec: Flag<T>, parts: readonly string[], origin: string): T {
  try {
    if (spec.kind !== 'list') for (const part of parts.slice(0, -1)) spec.parse(part, [part]);
    return spec.parse(parts.at(-1) ?? '', parts);
  } catch (error) {
    throw new MirrorError('ERR_USAGE', `${origin}: ${messageOf(error)}`, {
      cause: error,
      hint: `see --help for --${name}`,
    });
  }
}

type CamelCase<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<CamelCase<B>>}` : S;

interface TextFlag<T, Extra = unknown> {
  (options: FlagOptions & WithDefault & Extra): Flag<T>;
  (options: FlagOptions & Extra): Flag<T | undefined>;
}

interface ParsedFlag {
  <T>(options: FlagOptions & WithDefault & { parse: (text: string) => T }): Flag<T>;
  <T>(options: FlagOptions & { parse: (text: string) => T }): Flag<T | undefined>;
}

function base(
  options: FlagOptions,
  value: string,
): Pick<Flag<never>, 'describe' | 'value' | 'group' | 'choices' | 'defaultText'> {
  const { describe, group, defaultText } = options;
  return { describe, value: options.value ?? value, group, choices: undefined, defaultText };
}

function text<T>(options: FlagOptions & Partial<WithDefault>, value: string, parse: (text: string) => T): Flag<T> {
  return { ...base(options, value), kind: 'text', default: options.default, parse };
}

function parseWhole(given: string, min: number): number {
  const number = Number(given);
  if (/^\d+$/.test(given) && Number.isSafeInteger(number) && number >= min) return number;
  throw new MirrorError(
    'ERR_USAGE',
    `expected a whole number of at least ${String(min)}, found ${JSON.stringify(given)}`,
  );
}

function parseBoolean(given: string): boolean {
  if (/^(?:true|1|yes|on)$/i.test(given)) return true;
  if (/^(?:false|0|no|off)$/i.test(given)) return false;
  throw new MirrorError(
    'ERR_USAGE',
    `expected true or false (or yes and no, on and off, 1 and 0), found ${JSON.stringify(given)}`,
  );
}

/** Split at commas, but not where a comma continues a semver requirement (`serde@>=1,<2`). */
function splitList(given: string): string[] {
  return given.split(/,(?!\s*[<>=~^])/).map((part) => part.trim());
}
