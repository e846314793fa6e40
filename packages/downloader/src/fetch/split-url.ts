/** Where a request goes, and what it asks for there. */
export interface SplitUrl {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path and query, as they stand in the request line: never with a blank or a line feed. */
  readonly target: string;
}

/**
 * Split a URL; undefined for what is none. Nearly every URL of a mirror run is plain, and its two parts are the answer; only what could
 * mean something else than it says (dots between slashes, upper-case hosts, user names, queries) needs the parser's full rules.
 *
 * @see https://url.spec.whatwg.org/#concept-basic-url-parser
 */
export function splitUrl(url: string): SplitUrl | undefined {
  const plain = PLAIN.exec(url);
  if (plain !== null) return { origin: plain[1]!, target: plain[2]! };
  if (!URL.canParse(url)) return undefined;
  const { origin, pathname, search } = new URL(url);
  return { origin, target: pathname + search };
}

const PLAIN = /^(https?:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[1-5]?\d{1,4})?)((?:\/(?!\.|%2[eE])[\w.~%+-]*)+)$/;
