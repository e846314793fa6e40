/**
 * `text` as it may stand in a message: in quotes, control characters escaped, cut after 80 characters. Untrusted text
 * would else be able to forge log lines or flood them.
 */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
