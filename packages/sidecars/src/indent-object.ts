/** How an object is indented. */
export interface IndentOptions {
  /** Keys of the outermost object that are left out, with their values. */
  readonly dropped: ReadonlySet<string>;
  /** More levels of nesting are refused. */
  readonly maxDepth: number;
  /** More bytes are refused. */
  readonly maxBytes: number;
}

/** The answer for an object with too many levels. */
export const TOO_DEEP = -1;
/** The answer for an object that would become too long. */
export const TOO_LONG = -2;

/**
 * Put the JSON object `json` into `to`, each level indented by two more spaces, in the form of `jq --indent 2`. Only the space between tokens
 * changes; the tokens are copied, so large numbers and escapes stay as they are.
 *
 * The last brace and the line break before it are left to the caller, who may want to add fields. A buffer without enough room takes no harm:
 * what does not fit is not written, but counted.
 *
 * @param json - a valid JSON object and nothing behind it but space; what comes of anything else means nothing
 * @returns the bytes that it takes, of which `to` holds as many as it has room for; or `TOO_DEEP` or `TOO_LONG`
 */
export function indentObject(json: Uint8Array, to: Uint8Array, { dropped, maxDepth, maxBytes }: IndentOptions): number {
  const end = json.length;
  let at = 0;
  let out = 0;
  let depth = 0;
  // The field of the outermost object at hand: where it begins in `to`, and whether it is to be taken back.
  let field = 0;
  let isDropped = false;
  let isKeyNext = false;
  const shortest = Math.min(...Array.from(dropped, ({ length }) => length));

  while (at < end) {
    const byte = json[at++]!;
    switch (byte) {
      case SPACE:
      case TAB:
      case RETURN:
      case NEWLINE:
        break;
      case QUOTE: {
        const start = at;
        to[out++] = QUOTE;
        for (;;) {
          const next = json[at++];
          if (next === undefined) return out;
          to[out++] = next;
          if (next === QUOTE) break;
          if (next === BACKSLASH) to[out++] = json[at++]!;
        }
        if (isKeyNext) {
          isKeyNext = false;
          // an escape only makes a key longer, so most need no second look
          isDropped = at - 1 - start >= shortest && dropped.has(keyText(json, start, at - 1));
        }
        break;
      }
      case COLON:
        to[out++] = COLON;
        to[out++] = SPACE;
        break;
      case COMMA:
        if (depth === 1) {
          if (isDropped) out = field;
          field = out;
          isKeyNext = true;
          // the first field that stays has no comma before it
          if (out > 1) to[out++] = COMMA;
        } else {
          to[out++] = COMMA;
        }
        out = breakLine(to, out, depth);
        if (out > maxBytes) return TOO_LONG;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET: {
        to[out++] = byte;
        at = skipSpace(json, at);
        const next = json[at];
        if (next === CLOSE_BRACE || next === CLOSE_BRACKET) {
          at += 1;
          if (depth > 0) to[out++] = next;
          break;
        }
        depth += 1;
        if (depth > maxDepth) return TOO_DEEP;
        if (depth === 1) {
          field = out;
          isKeyNext = true;
        }
        out = breakLine(to, out, depth);
        if (out > maxBytes) return TOO_LONG;
        break;
      }
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        if (depth === 0) return lengthWithin(isDropped ? field : out, maxBytes);
        out = breakLine(to, out, depth);
        to[out++] = byte;
        break;
      default:
        to[out++] = byte;
    }
  }
  return out;
}

function lengthWithin(bytes: number, maxBytes: number): number {
  return bytes > maxBytes ? TOO_LONG : bytes;
}

function breakLine(to: Uint8Array, from: number, depth: number): number {
  let out = from;
  to[out++] = NEWLINE;
  for (let i = 0; i < depth; i++) {
    to[out++] = SPACE;
    to[out++] = SPACE;
  }
  return out;
}

function skipSpace(json: Uint8Array, from: number): number {
  let at = from;
  while (json[at] === SPACE || json[at] === TAB || json[at] === RETURN || json[at] === NEWLINE) at += 1;
  return at;
}

/** The key between two quotes as a program would read it: `"n\u0061me"` is `name`. */
function keyText(json: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) {
    const byte = json[i]!;
    if (byte === BACKSLASH || byte > ASCII_END)
      return JSON.parse(`"${DECODER.decode(json.subarray(from, to))}"`) as string;
    text += String.fromCharCode(byte);
  }
  return text;
}

const DECODER = new TextDecoder();

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const ASCII_END = 0x7f;
