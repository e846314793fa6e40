/** `text` with the user and password of every URL in it replaced by `***`. */
export function redactUrls(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]{0,19}:\/\/)[^\s/?#"'<>]{1,500}@/gi, '$1***@');
}

/** `url` without user name and password, for messages and records. Works on any text, valid or not. */
export function withoutCredentials(url: string): string {
  return url.replace(/^([A-Za-z][A-Za-z0-9+.-]*:)?([/\\]*)[^/\\?#]*@/, '$1$2');
}
