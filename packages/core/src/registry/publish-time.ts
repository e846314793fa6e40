import { MirrorError } from '../errors.ts';
import { parseInstant } from '../parse-instant.ts';
import { quoted } from './quoted.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * The instant that `text` means, in milliseconds since 1970: an age such as `7d` (`s m h d w`) before `nowMs`, a date
 * `2025-02-10` (its first second, UTC) or an RFC 3339 time.
 *
 * @throws {MirrorError} ERR_USAGE when it is none of them
 */
export function parsePublishTime(text: string, nowMs: number): number {
  const [, amount, unit = ''] = /^(\d{1,9}(?:\.\d+)?)([smhdw])$/.exec(text) ?? [];
  if (amount !== undefined) return nowMs - Number(amount) * (UNIT_MS[unit] ?? 0);
  const instant = parseInstant(text);
  if (instant !== undefined) return instant;
  throw new MirrorError(
    'ERR_USAGE',
    `publish time: expected an age like 7d or a date like 2025-02-10, found ${quoted(text)}`,
  );
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** Whether `value` is a time as the lines of an index give it. */
export function isPubtime(value: unknown): value is string {
  return typeof value === 'string' && RFC_3339.test(value) && !Number.isNaN(Date.parse(value));
}
