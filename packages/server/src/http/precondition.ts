import { parseEtags } from './etag.ts';

/** What the conditions of a request come to. */
export type Precondition = 'send' | 'not-modified' | 'failed';

/** The fields that are looked at. */
export interface ConditionFields {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}

/**
 * Judge the conditions of a GET or HEAD against the strong tags of what would be sent, one for each encoding that is on
 * offer. Dates are not looked at: a tag says more, and every client that sends a date back was given a tag as well.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
 */
export function judgePrecondition(fields: ConditionFields, etags: readonly string[]): Precondition {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = fields;
  if (ifMatch !== undefined) {
    const wanted = parseEtags(ifMatch);
    const matches = wanted === '*' || wanted.some(({ isWeak, tag }) => !isWeak && etags.includes(tag));
    if (!matches) return 'failed';
  }
  if (ifNoneMatch === undefined) return 'send';
  const known = parseEtags(ifNoneMatch);
  return known === '*' || known.some(({ tag }) => etags.includes(tag)) ? 'not-modified' : 'send';
}
