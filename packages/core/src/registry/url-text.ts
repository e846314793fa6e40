/** `text` with its percent-encoded characters decoded, or as it is when that cannot be done. A `+` stays a `+`. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * `text` as an http or https address; undefined when it is none. Control characters, which a URL parser would pass over in silence, make it none: a
 * line break or a tab in an address is never meant.
 */
export function parsedHttpUrl(text: string): URL | undefined {
  if (/\p{Cc}/u.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined;
}
