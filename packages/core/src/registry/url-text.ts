/** `url` without user name and password, for messages and records. Works on any text, valid or not. */
export function withoutCredentials(url: string): string {
  return url.replace(/^([A-Za-z][A-Za-z0-9+.-]*:)?([/\\]*)[^/\\?#]*@/, '$1$2');
}

/** `text` with its percent-encoded characters decoded, or as it is when that cannot be done. A `+` stays a `+`. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
