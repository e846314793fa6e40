// Indents plain JSON objects: AssemblyScript, compiled by `build-indent-object.js`. It gives the bytes that `indentObject` of
// `src/indent-object.ts` gives, or an answer below zero and nothing of use.
//
// The input is valid JSON. Vector loads may touch up to 15 bytes behind it, and stores as many behind the output.

// Answers besides a length.
const TOO_DEEP: i32 = -1;
const NO_ROOM: i32 = -3;
// A key of the outermost object that the exact code has to look at.
const NOT_PLAIN: i32 = -4;

// What one step may write besides a string.
const MARGIN: usize = 512;

export function indent(from: usize, end: usize, to: usize, toEnd: usize, maxDepth: i32): i32 {
  const limit = toEnd - MARGIN;
  let at = from;
  let out = to;
  let depth: i32 = 0;
  let isKeyNext = false;
  while (at < end) {
    if (out > limit) return NO_ROOM;
    const byte = load<u8>(at++);
    if (byte == 0x22) {
      const start = at;
      let isEscaped = false;
      store<u8>(out++, byte);
      while (true) {
        if (out > limit) return NO_ROOM;
        const text = v128.load(at);
        v128.store(out, text);
        const special = v128.or(i8x16.eq(text, i8x16.splat(0x22)), i8x16.eq(text, i8x16.splat(0x5c)));
        const mask = i8x16.bitmask(special);
        if (mask == 0) {
          at += 16;
          out += 16;
          if (at >= end) return NOT_PLAIN;
          continue;
        }
        const length = <usize>ctz(mask) + 1;
        at += length;
        out += length;
        if (load<u8>(at - 1) == 0x22) break;
        // What is behind a backslash is no end.
        isEscaped = true;
        store<u8>(out++, load<u8>(at++));
      }
      if (isKeyNext) {
        isKeyNext = false;
        if (isEscaped || mayBeDropped(start, at - 1 - start)) return NOT_PLAIN;
      }
    } else if (byte == 0x2c) {
      store<u8>(out++, byte);
      out = breakLine(out, depth);
      isKeyNext = depth == 1;
    } else if (byte == 0x3a) {
      store<u16>(out, 0x203a);
      out += 2;
    } else if (byte == 0x7b || byte == 0x5b) {
      store<u8>(out++, byte);
      at = skipSpace(at, end);
      const next = load<u8>(at);
      if (next == 0x7d || next == 0x5d) {
        if (depth == 0) return NOT_PLAIN;
        store<u8>(out++, next);
        at++;
        continue;
      }
      if (++depth > maxDepth) return TOO_DEEP;
      isKeyNext = depth == 1;
      out = breakLine(out, depth);
    } else if (byte == 0x7d || byte == 0x5d) {
      if (--depth <= 0) return <i32>(out - to);
      out = breakLine(out, depth);
      store<u8>(out++, byte);
    } else if (byte > 0x20) {
      store<u8>(out++, byte);
    }
  }
  return NOT_PLAIN;
}

// Whether a key may be crate_file, index_path or crate_url; only those begin and end like that.
function mayBeDropped(key: usize, length: usize): bool {
  if (length == 10) {
    const begin = load<u32>(key);
    return begin == 0x74617263 || begin == 0x65646e69; // crat, inde
  }
  return length == 9 && load<u32>(key) == 0x74617263;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function breakLine(out: usize, depth: i32): usize {
  store<u8>(out++, 0x0a);
  const end = out + (<usize>depth << 1);
  do {
    v128.store(out, i8x16.splat(0x20));
    out += 16;
  } while (out < end);
  return end;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function skipSpace(p: usize, end: usize): usize {
  while (p < end && load<u8>(p) <= 0x20) p++;
  return p;
}
