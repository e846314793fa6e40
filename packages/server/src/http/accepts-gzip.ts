/**
 * Whether an `Accept-Encoding` field takes gzip: named (or `*`) with a weight above 0.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
 */
export function acceptsGzip(field: string | undefined): boolean {
  if (field === undefined) return false;
  if (field === 'gzip') return true;
  let ofStar = false;
  for (const part of field.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((piece) => piece.trim());
    const isTaken = !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
    if (coding === 'gzip' || coding === 'x-gzip') return isTaken;
    if (coding === '*') ofStar = isTaken;
  }
  return ofStar;
}
