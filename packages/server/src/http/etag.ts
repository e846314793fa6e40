/** An entity tag: a weak one only says that two bodies mean the same. */
export interface EntityTag {
  readonly isWeak: boolean;
  /** With its quotes. */
  readonly tag: string;
}

/** The strong tag of a body whose digest is `hex`; `variant` tells apart what differs on the wire only, such as `gzip`. */
export function strongEtag(hex: string, variant?: string): string {
  return variant === undefined ? `"${hex}"` : `"${hex}-${variant}"`;
}

/**
 * The tags of an `If-None-Match` or `If-Match` field, or `*`. Reading stops at the first thing that is no tag: what stands
 * before it counts. Time is linear in the length.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3
 */
export function parseEtags(field: string): readonly EntityTag[] | '*' {
  if (field.trim() === '*') return '*';
  const tags: EntityTag[] = [];
  const pattern = /[\t ,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[\t ]*(?=,|$)/y;
  for (let match = pattern.exec(field); match !== null; match = pattern.exec(field)) {
    tags.push({ isWeak: match[1] !== undefined, tag: match[2] ?? '' });
  }
  return tags;
}
