/**
 * `text` with everything escaped that a terminal acts upon or that turns a line around: control characters of ASCII (but for the line feed and the tab) and of
 * ISO 8859-1, Unicode's line ends, marks of direction and byte order. Names come from strangers, and a name must not colour, wipe or forge what is
 * around it.
 */
export function terminalText(text: string): string {
  return text.replace(ACTED_UPON, escaped);
}

/** The same for a text that must stay on one line and may be JSON: what it means there does not change. */
export function terminalLine(text: string): string {
  return text.replace(ACTED_UPON_OR_BREAK, escaped);
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const MARKS = '\\u007F-\\u009F\\u061C\\u200B-\\u200F\\u2028-\\u202E\\u2066-\\u2069\\uFEFF';
const ACTED_UPON = new RegExp(`[\\u0000-\\u0008\\u000B-\\u001F${MARKS}]`, 'g');
const ACTED_UPON_OR_BREAK = new RegExp(`[\\u0000-\\u001F${MARKS}]`, 'g');
