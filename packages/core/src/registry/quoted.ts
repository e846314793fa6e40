/**
 * `text` as it may stand in a message: in quotes, control characters escaped, cut after 80 characters. Untrusted text
 * would else be able to forge log lines or flood them.
 */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** Any value of untrusted JSON or TOML as it may stand in a message: text {@link quoted}, lists and objects by kind alone. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return JSON.stringify(value);
}
