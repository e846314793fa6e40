import { readFileSync } from 'node:fs';
import { ifThere } from '../errors.ts';

/** The settings of one file. Names are `section.key` or `section.sub section.key`, with section and key in lower case. */
export interface GitConfig {
  /** The last value of a setting; `true` for one without a value. */
  get(name: string): string | undefined;
  /** Every value of a setting, in their order. */
  all(name: string): readonly string[];
  /** Every setting whose name begins with `prefix`. */
  startingWith(prefix: string): readonly (readonly [name: string, value: string])[];
}

/**
 * Read a file of git's settings; one that does not exist has none. Included files are not followed, lines that make no sense
 * are passed over.
 *
 * @see https://git-scm.com/docs/git-config#_syntax
 */
export function readGitConfig(file: string): GitConfig {
  return parseGitConfig(ifThere(() => readFileSync(file, 'utf8')) ?? '');
}

/** The same of a text. */
export function parseGitConfig(text: string): GitConfig {
  const settings: [string, string][] = [];
  let section = '';
  for (const line of text.replace(/\\\r?\n/g, '').split(/\r?\n/)) {
    const heading = /^\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]\s*(.*)$/.exec(line);
    if (heading !== null) {
      const [, name = '', sub] = heading;
      section = `${name.toLowerCase()}.${sub === undefined ? '' : `${sub.replace(/\\(.)/g, '$1')}.`}`;
    }
    const setting = /^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=(.*))?$/.exec(withoutRemark(heading?.[3] ?? line));
    if (setting === null || (heading === null && line.trimStart().startsWith('['))) continue;
    settings.push([section + (setting[1] as string).toLowerCase(), plainValue(setting[2])]);
  }
  return {
    get: (name) => settings.findLast(([each]) => each === name)?.[1],
    all: (name) => settings.filter(([each]) => each === name).map(([, value]) => value),
    startingWith: (prefix) => settings.filter(([name]) => name.startsWith(prefix)),
  };
}

/** Whether a value of a setting means yes. */
export function isGitTrue(value: string | undefined): boolean {
  return value !== undefined && /^(?:true|yes|on|[1-9]\d*)$/i.test(value);
}

// what follows # or ; is a remark, but for inside quotes
function withoutRemark(line: string): string {
  return /^(?:[^"#;\\]|\\.|"(?:[^"\\]|\\.)*")*/.exec(line)?.[0] ?? line;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' };

function plainValue(text: string | undefined): string {
  if (text === undefined) return 'true';
  return text
    .trim()
    .replace(/\\(.)|"/g, (_, escaped?: string) => (escaped === undefined ? '' : (ESCAPES[escaped] ?? escaped)));
}
