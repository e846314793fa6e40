/** `text` with the user and password of every URL in it replaced by `***`. */
export function redactUrls(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]{0,19}:\/\/)[^\s/?#@"'<>]{1,500}@/gi, '$1***@');
}
