import { MirrorError } from '@mirror/core/cli';

/**
 * The share, from 0 to 1, that text such as `1%` or `0.5%` stands for.
 *
 * @throws {MirrorError} ERR_USAGE for anything else
 */
export function parsePercent(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,9})?)\s*%?$/.exec(text.trim());
  const percent = match === null ? Number.NaN : Number(match[1]);
  if (percent >= 0 && percent <= 100) return percent / 100;
  throw new MirrorError('ERR_USAGE', `expected a percentage from 0% to 100%, found ${JSON.stringify(text)}`);
}
