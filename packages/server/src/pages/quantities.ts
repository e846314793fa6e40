import { html } from '@mirror/core';
import type { Html } from '@mirror/core';

/** `1406923` → `1,406,923`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 version`, `2 versions`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** How long before `now` an instant was, in the largest unit of which it is at least two: `3 hours ago`. */
export function ago(ms: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 10) return 'just now';
  const [size, unit] = UNITS.find(([length]) => seconds >= 2 * length) ?? [1, 'second'];
  return `${counted(Math.floor(seconds / size), unit)} ago`;
}

/** An instant for people, with the exact one behind it. */
export function timeAgo(ms: number, now: number): Html {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}" title="${iso}">${ago(ms, now)}</time>`;
}

/** `2025-02-10`. */
export function day(rfc3339: string): string {
  return new Date(rfc3339).toISOString().slice(0, 10);
}

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [365 * 86_400, 'year'],
  [30 * 86_400, 'month'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
];
