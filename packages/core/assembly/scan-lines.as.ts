// Takes entries from plain index lines: AssemblyScript, compiled by tools in `build-scan-lines.js`.
//
// A line is taken when it is valid JSON without any doubt and its entry is what `parseIndexEntry` would give; then its
// record is written (see `entry-batch.ts`). At any other line the run stops, and the exact parser has it. So whatever is
// rare or hard is left out here: characters beyond ASCII, escapes or odd values in the fields that count, the
// same such field twice, deep nesting.
//
// No bounds are checked while reading: every line ends in `\n`, which is valid nowhere inside, so every path through the
// code stops there. Vector loads may touch up to 15 bytes behind it; the caller leaves that margin.

// Where the caller puts the name of the crate, in lower case: the last part of the index path.
const NAME: usize = 1024;
const CKSUM_LENGTH: usize = 64;
const ENTRY_HEAD: usize = 14;
const MAX_ENTRY: usize = ENTRY_HEAD + CKSUM_LENGTH + 3 * 255;
const MAX_VERSION: usize = 200;
const MAX_DEPTH: i32 = 60;

// What a run leaves behind.
export let at: usize = 0;
export let line: u32 = 0;
export let out: usize = 0;
export let isFull: bool = false;

let nameLength: usize = 0;
export function begin(length: usize): void {
  nameLength = length;
}

// The fields of the line at hand. 0: not seen.
let name: usize = 0;
let vers: usize = 0;
let versEnd: usize = 0;
let cksum: usize = 0;
let yanked: i32 = -1;
let pubtime: usize = 0;
let pubtimeEnd: usize = 0;

export function run(from: usize, end: usize, firstLine: u32, outFrom: usize, outEnd: usize, withText: bool): void {
  at = from;
  line = firstLine;
  out = outFrom;
  isFull = false;
  while (at < end) {
    if (out + MAX_ENTRY > outEnd) {
      isFull = true;
      return;
    }
    const lineEnd = scanLine(at);
    if (lineEnd == 0) return;
    const textLength: usize = withText ? lineEnd - at : 0;
    if (out + MAX_ENTRY + textLength > outEnd) {
      // A line that has no room in an empty batch is one for the exact parser.
      isFull = out > outFrom;
      return;
    }
    writeEntry(at, textLength);
    at = lineEnd + 1;
    line++;
  }
}

function writeEntry(text: usize, textLength: usize): void {
  const versLength = versEnd - vers;
  const timeLength: usize = pubtime == 0 ? 0 : pubtimeEnd - pubtime;
  const ownLength: usize = isFileName() ? 0 : nameLength;
  store<u8>(out, 2);
  store<u8>(out, <u8>yanked, 1);
  store<u8>(out, <u8>ownLength, 2);
  store<u8>(out, <u8>versLength, 3);
  store<u8>(out, <u8>timeLength, 4);
  store<u8>(out, 1, 5);
  store<u32>(out, line, 6);
  store<u32>(out, <u32>textLength, 10);
  let to = out + ENTRY_HEAD;
  v128.store(to, v128.load(cksum));
  v128.store(to, v128.load(cksum, 16), 16);
  v128.store(to, v128.load(cksum, 32), 32);
  v128.store(to, v128.load(cksum, 48), 48);
  to += CKSUM_LENGTH;
  if (ownLength != 0) memory.copy(to, name, ownLength);
  to += ownLength;
  memory.copy(to, vers, versLength);
  to += versLength;
  if (timeLength != 0) memory.copy(to, pubtime, timeLength);
  to += timeLength;
  if (textLength != 0) memory.copy(to, text, textLength);
  out = to + textLength;
}

function isFileName(): bool {
  for (let i: usize = 0; i < nameLength; i++) {
    if (load<u8>(name + i) != load<u8>(NAME + i)) return false;
  }
  return true;
}

// The scanners below get where something begins and return the byte behind it, or 0 when it is nothing plain.

function scanLine(from: usize): usize {
  name = 0;
  vers = 0;
  cksum = 0;
  yanked = -1;
  pubtime = 0;
  let p = skipSpace(from);
  if (load<u8>(p) != 0x7b) return 0; // {
  p = skipSpace(p + 1);
  while (true) {
    if (load<u8>(p) != 0x22) return 0; // "
    const key = p + 1;
    p = scanPlainString(p);
    if (p == 0) return 0;
    const keyLength = p - key - 1;
    p = skipSpace(p);
    if (load<u8>(p) != 0x3a) return 0; // :
    p = skipSpace(p + 1);
    p = scanField(key, keyLength, p);
    if (p == 0) return 0;
    p = skipSpace(p);
    const c = load<u8>(p);
    p = skipSpace(p + 1);
    if (c == 0x2c) continue; // ,
    if (c != 0x7d) return 0; // }
    break;
  }
  // After the brace: the end, or spaces that were skipped.
  if (load<u8>(p) != 0x0a) return 0;
  return name != 0 && vers != 0 && cksum != 0 && yanked >= 0 ? p : 0;
}

function scanField(key: usize, keyLength: usize, value: usize): usize {
  if (keyLength == 4) {
    const word = load<u32>(key);
    if (word == 0x656d616e) return scanName(value); // name
    if (word == 0x73726576) return scanVers(value); // vers
  } else if (keyLength == 5) {
    if (load<u32>(key) == 0x75736b63 && load<u8>(key, 4) == 0x6d) return scanCksum(value); // cksum
  } else if (keyLength == 6) {
    if (load<u32>(key) == 0x6b6e6179 && load<u16>(key, 4) == 0x6465) return scanYanked(value); // yanked
  } else if (keyLength == 7) {
    if (load<u32>(key) == 0x74627570 && (load<u32>(key, 3) == 0x656d6974)) return scanPubtime(value); // pubtime
  }
  return scanValue(value);
}

function scanName(p: usize): usize {
  if (name != 0 || load<u8>(p) != 0x22) return 0;
  name = p + 1;
  for (let i: usize = 0; i < nameLength; i++) {
    let c = load<u8>(name + i);
    if (<u8>(c - 0x41) < 26) c += 32;
    if (c != load<u8>(NAME + i)) return 0;
  }
  const end = name + nameLength;
  return load<u8>(end) == 0x22 ? end + 1 : 0;
}

function scanCksum(p: usize): usize {
  if (cksum != 0 || load<u8>(p) != 0x22) return 0;
  cksum = p + 1;
  for (let i: usize = 0; i < CKSUM_LENGTH; i += 16) {
    const text = v128.load(cksum + i);
    const digits = v128.and(i8x16.ge_u(text, i8x16.splat(0x30)), i8x16.le_u(text, i8x16.splat(0x39)));
    const letters = v128.and(i8x16.ge_u(text, i8x16.splat(0x61)), i8x16.le_u(text, i8x16.splat(0x66)));
    if (!i8x16.all_true(v128.or(digits, letters))) return 0;
  }
  return load<u8>(cksum, CKSUM_LENGTH) == 0x22 ? cksum + CKSUM_LENGTH + 1 : 0;
}

function scanYanked(p: usize): usize {
  if (yanked >= 0) return 0;
  if (load<u32>(p) == 0x65757274) {
    yanked = 1;
    return p + 4; // true
  }
  if (load<u32>(p) != 0x736c6166 || load<u8>(p, 4) != 0x65) return 0;
  yanked = 0;
  return p + 5; // false
}

// Semantic Versioning 2.0.0.
function scanVers(p: usize): usize {
  if (vers != 0 || load<u8>(p) != 0x22) return 0;
  vers = p + 1;
  p = scanVersionNumber(vers);
  if (p == 0 || load<u8>(p) != 0x2e) return 0;
  p = scanVersionNumber(p + 1);
  if (p == 0 || load<u8>(p) != 0x2e) return 0;
  p = scanVersionNumber(p + 1);
  if (p == 0) return 0;
  if (load<u8>(p) == 0x2d) p = scanVersionParts(p + 1, true);
  if (p == 0) return 0;
  if (load<u8>(p) == 0x2b) p = scanVersionParts(p + 1, false);
  if (p == 0 || load<u8>(p) != 0x22 || p - vers > MAX_VERSION) return 0;
  versEnd = p;
  return p + 1;
}

function scanVersionNumber(p: usize): usize {
  const from = p;
  while (isDigit(load<u8>(p))) p++;
  const length = p - from;
  return length == 0 || (length > 1 && load<u8>(from) == 0x30) ? 0 : p;
}

// Dot-separated parts of digits, letters and dashes; in a pre-release no number begins with a needless 0.
function scanVersionParts(p: usize, isPreRelease: bool): usize {
  while (true) {
    const from = p;
    let isNumber = true;
    while (true) {
      const c = load<u8>(p);
      if (!isDigit(c)) {
        if (<u8>((c | 32) - 0x61) >= 26 && c != 0x2d) break;
        isNumber = false;
      }
      p++;
    }
    if (p == from) return 0;
    if (isPreRelease && isNumber && p - from > 1 && load<u8>(from) == 0x30) return 0;
    if (load<u8>(p) != 0x2e) return p;
    p++;
  }
}

// Only YYYY-MM-DDThh:mm:ssZ on a day that surely exists; null is left to the exact parser.
function scanPubtime(p: usize): usize {
  if (pubtime != 0 || load<u8>(p) != 0x22) return 0;
  pubtime = p + 1;
  const month = twoDigits(pubtime + 5);
  const day = twoDigits(pubtime + 8);
  if (twoDigits(pubtime) > 99 || twoDigits(pubtime + 2) > 99 || load<u8>(pubtime, 4) != 0x2d) return 0;
  if (month < 1 || month > 12 || load<u8>(pubtime, 7) != 0x2d) return 0;
  if (day < 1 || day > 31 || load<u8>(pubtime, 10) != 0x54) return 0;
  if (day > 28 && (month == 2 || (day == 31 && (month == 4 || month == 6 || month == 9 || month == 11)))) return 0;
  if (twoDigits(pubtime + 11) > 23 || load<u8>(pubtime, 13) != 0x3a) return 0;
  if (twoDigits(pubtime + 14) > 59 || load<u8>(pubtime, 16) != 0x3a) return 0;
  if (twoDigits(pubtime + 17) > 59 || load<u16>(pubtime, 19) != 0x225a) return 0; // Z"
  pubtimeEnd = pubtime + 20;
  return pubtimeEnd + 1;
}

// 255 when they are none.
function twoDigits(p: usize): u32 {
  const tens = load<u8>(p);
  const ones = load<u8>(p, 1);
  return isDigit(tens) && isDigit(ones) ? (<u32>tens - 48) * 10 + <u32>ones - 48 : 255;
}

// Any JSON value. What is open around a place is a stack of bits: 1 an object, 0 a list.
function scanValue(p: usize): usize {
  let stack: u64 = 0;
  let depth: i32 = 0;
  while (true) {
    // A value begins here.
    let c = load<u8>(p);
    if (c == 0x22) {
      p = scanString(p);
      if (p == 0) return 0;
    } else if (c == 0x7b || c == 0x5b) {
      const isObject = c == 0x7b;
      p = skipSpace(p + 1);
      c = load<u8>(p);
      if (c == (isObject ? 0x7d : 0x5d)) {
        p++;
      } else {
        if (++depth > MAX_DEPTH) return 0;
        stack = (stack << 1) | (isObject ? 1 : 0);
        if (isObject) {
          p = scanKey(p);
          if (p == 0) return 0;
        }
        continue;
      }
    } else {
      p = scanLiteral(p, c);
      if (p == 0) return 0;
    }
    // A value has ended here.
    while (true) {
      if (depth == 0) return p;
      p = skipSpace(p);
      c = load<u8>(p);
      const isObject = (stack & 1) != 0;
      if (c == 0x2c) {
        p = skipSpace(p + 1);
        if (isObject) {
          p = scanKey(p);
          if (p == 0) return 0;
        }
        break;
      }
      if (c != (isObject ? 0x7d : 0x5d)) return 0;
      p++;
      depth--;
      stack >>= 1;
    }
  }
}

// A key, its colon and the space around; returns where the value begins.
// @ts-ignore: a decorator of AssemblyScript
@inline
function scanKey(p: usize): usize {
  if (load<u8>(p) != 0x22) return 0;
  p = scanString(p);
  if (p == 0) return 0;
  p = skipSpace(p);
  return load<u8>(p) == 0x3a ? skipSpace(p + 1) : 0;
}

function scanLiteral(p: usize, c: u8): usize {
  const word = load<u32>(p);
  if (word == 0x736c6166) return load<u8>(p, 4) == 0x65 ? p + 5 : 0; // false
  if (word == 0x65757274 || word == 0x6c6c756e) return p + 4; // true, null
  return c == 0x2d || isDigit(c) ? scanNumber(p) : 0;
}

function scanNumber(p: usize): usize {
  if (load<u8>(p) == 0x2d) p++;
  p = scanVersionNumber(p); // no needless 0 here either
  if (p == 0) return 0;
  if (load<u8>(p) == 0x2e) {
    p = scanDigits(p + 1);
    if (p == 0) return 0;
  }
  if ((load<u8>(p) | 32) != 0x65) return p; // e, E
  const sign = load<u8>(p, 1);
  return scanDigits(sign == 0x2b || sign == 0x2d ? p + 2 : p + 1);
}

function scanDigits(p: usize): usize {
  const from = p;
  while (isDigit(load<u8>(p))) p++;
  return p == from ? 0 : p;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function scanString(p: usize): usize {
  p++;
  while (true) {
    p = skipPlain(p);
    const c = load<u8>(p);
    if (c == 0x22) return p + 1;
    if (c != 0x5c) return 0;
    p = scanEscape(p + 1);
    if (p == 0) return 0;
  }
}

function scanPlainString(p: usize): usize {
  p = skipPlain(p + 1);
  return load<u8>(p) == 0x22 ? p + 1 : 0;
}

function scanEscape(p: usize): usize {
  switch (load<u8>(p)) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return p + 1;
    case 0x75: // u
      for (let i: usize = 1; i <= 4; i++) {
        const c = load<u8>(p + i);
        if (!isDigit(c) && <u8>((c | 32) - 0x61) >= 6) return 0;
      }
      return p + 5;
    default:
      return 0;
  }
}

// The next byte that is a quote, a backslash, a control character or not ASCII.
// @ts-ignore: a decorator of AssemblyScript
@inline
function skipPlain(p: usize): usize {
  while (true) {
    const text = v128.load(p);
    // As signed bytes, all beyond ASCII are below the space too.
    const special = v128.or(
      v128.or(i8x16.eq(text, i8x16.splat(0x22)), i8x16.eq(text, i8x16.splat(0x5c))),
      i8x16.lt_s(text, i8x16.splat(0x20)),
    );
    const mask = i8x16.bitmask(special);
    if (mask != 0) return p + ctz(mask);
    p += 16;
  }
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function skipSpace(p: usize): usize {
  if (load<u8>(p) > 0x20) return p;
  return skipSomeSpace(p);
}

function skipSomeSpace(p: usize): usize {
  while (true) {
    const c = load<u8>(p);
    if (c != 0x20 && c != 0x09 && c != 0x0d) return p;
    p++;
  }
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function isDigit(c: u8): bool {
  return <u8>(c - 0x30) < 10;
}
