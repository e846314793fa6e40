import { MirrorError } from '../errors.ts';

/**
 * Milliseconds of a duration as people write it: `500ms`, `30s`, `5m`, `2h`, `7d`, `1w`, or several (`1h30m`).
 * A bare number has the unit `bareUnit`.
 *
 * @throws {MirrorError} ERR_USAGE for anything else
 */
export function parseDuration(text: string, bareUnit: keyof typeof MS = 's'): number {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return bounded(Number(trimmed) * MS[bareUnit], text);
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(trimmed)) {
    throw new MirrorError('ERR_USAGE', `expected a duration such as 500ms, 30s or 5m, found ${JSON.stringify(text)}`);
  }
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    total += Number(amount) * MS[unit as keyof typeof MS];
  }
  return bounded(total, text);
}

function bounded(ms: number, text: string): number {
  if (ms <= Number.MAX_SAFE_INTEGER) return ms;
  throw new MirrorError('ERR_USAGE', `this duration is too long: ${JSON.stringify(text)}`);
}

/**
 * Bytes of a size as people write it: `64KiB`, `8GiB` (powers of 1024), `1.5GB`, `500k` (powers of 1000), `512B`.
 * A bare number has the unit `bareUnit`.
 *
 * @throws {MirrorError} ERR_USAGE for anything else
 */
export function parseSize(text: string, bareUnit = 'B'): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const factor = match === null ? undefined : BYTES[(match[2] === '' ? bareUnit : match[2]!).toLowerCase()];
  const bytes = factor === undefined ? Number.NaN : Math.round(Number(match![1]) * factor);
  if (!Number.isSafeInteger(bytes)) {
    throw new MirrorError('ERR_USAGE', `expected a size such as 64KiB, 8GiB or 1.5GB, found ${JSON.stringify(text)}`);
  }
  return bytes;
}

/** A number of events per second: `10/s`, `600/m`, `3600/h`, or a bare number per second. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:\/\s*(s|m|h))?$/.exec(text.trim());
  const perUnit = match === null ? 0 : Number(match[1]);
  if (match === null || !(perUnit > 0 && perUnit <= Number.MAX_SAFE_INTEGER)) {
    throw new MirrorError('ERR_USAGE', `expected a rate such as 50/s or 600/m, found ${JSON.stringify(text)}`);
  }
  return (perUnit * 1000) / MS[(match[2] ?? 's') as 's' | 'm' | 'h'];
}

/** Bytes per second: a size with its unit, with `/s` or without, such as `50MB/s`. A bare number could be meant in any unit, and is refused. */
export function parseBandwidth(text: string): number {
  const amount = text.trim().replace(/\/s$/, '');
  const bytes = /[a-z]\s*$/i.test(amount) ? parseSize(amount) : 0;
  if (bytes > 0) return bytes;
  throw new MirrorError(
    'ERR_USAGE',
    `expected a bandwidth with its unit, such as 50MB/s, found ${JSON.stringify(text)}`,
  );
}

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  ...Object.fromEntries(
    ['k', 'm', 'g', 't', 'p'].flatMap((unit, i) => [
      [unit, 1000 ** (i + 1)],
      [`${unit}b`, 1000 ** (i + 1)],
      [`${unit}ib`, 1024 ** (i + 1)],
    ]),
  ),
};
