/**
 * The two kinds of TOML value that need care, written in one fixed form and read back from it.
 * @see https://toml.io/en/v1.0.0#string
 */

/** `text` as a basic string in quotes. Line breaks and control characters are escaped, so that it stays on one line. */
export function tomlString(text: string): string {
  return MUST_ESCAPE.test(text) ? `"${text.replace(EACH_TO_ESCAPE, escape)}"` : `"${text}"`;
}

/** The text of the basic string that begins at `from`, and where it ends; undefined when there is none. */
export function readTomlString(
  line: string,
  from: number,
): { readonly text: string; readonly end: number } | undefined {
  STRING.lastIndex = from;
  const found = STRING.exec(line);
  if (found === null) return undefined;
  const [whole, body = ''] = found;
  return { text: body.includes('\\') ? unescape(body) : body, end: from + whole.length };
}

/**
 * A time in nanoseconds since 1970 as an offset date-time with nine decimals, in UTC. Years that TOML cannot write
 * (before 0000, after 9999) become the nearest that it can.
 */
export function tomlTime(ns: bigint): string {
  const bounded = ns < EARLIEST_NS ? EARLIEST_NS : ns > LATEST_NS ? LATEST_NS : ns;
  const rest = bounded % 1_000_000n;
  const decimals = rest < 0n ? rest + 1_000_000n : rest;
  const ms = (bounded - decimals) / 1_000_000n;
  return `${new Date(Number(ms)).toISOString().slice(0, 23)}${decimals.toString().padStart(6, '0')}Z`;
}

/** The nanoseconds since 1970 of a time in the form of `tomlTime`; undefined for any other text. */
export function readTomlTime(text: string): bigint | undefined {
  const found = TIME.exec(text);
  const ms = found === null ? NaN : Date.parse(`${found[1] ?? ''}Z`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt(found?.[2] ?? '0');
}

function escape(char: string): string {
  return SHORT.get(char) ?? `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function unescape(body: string): string {
  return body.replace(ESCAPE, (_, short: string | undefined, hex4: string | undefined, hex8: string | undefined) =>
    short === undefined ? String.fromCodePoint(parseInt(hex4 ?? hex8 ?? '', 16)) : (LONG.get(short) ?? ''),
  );
}

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\b', '\\b'],
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\f', '\\f'],
  ['\r', '\\r'],
  ['"', '\\"'],
  ['\\', '\\\\'],
]);
const LONG: ReadonlyMap<string, string> = new Map([...SHORT].map(([char, escape]) => [escape.slice(1), char]));

const MUST_ESCAPE = /["\\\u0000-\u001F\u007F]/;
const EACH_TO_ESCAPE = new RegExp(MUST_ESCAPE, 'g');
const ESCAPE = /\\(?:([btnfr"\\])|u([0-9A-Fa-f]{4})|U(00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4}))/g;
const STRING =
  /"((?:[^"\\\u0000-\u001F\u007F]|\\[btnfr"\\]|\\u[0-9A-Fa-f]{4}|\\U00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})*)"/y;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z$/;
const EARLIEST_NS = BigInt(Date.parse('0000-01-01T00:00:00Z')) * 1_000_000n;
const LATEST_NS = BigInt(Date.parse('9999-12-31T23:59:59Z')) * 1_000_000n + 999_999_999n;
