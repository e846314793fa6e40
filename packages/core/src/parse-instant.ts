const INSTANT = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2}))?$/;

/**
 * The milliseconds since 1970 that a date `2025-02-10` (its first second, UTC) or a time of RFC 3339 stands for; undefined for any other
 * text. A day that no calendar has is none: `Date` would take 30 February for 2 March.
 */
export function parseInstant(text: string): number | undefined {
  const found = INSTANT.exec(text);
  const ms = found === null ? Number.NaN : Date.parse(text.toUpperCase().replace(' ', 'T'));
  if (found === null || Number.isNaN(ms)) return undefined;
  const [year, month, day] = found.slice(1).map(Number) as [number, number, number];
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? ms : undefined;
}
