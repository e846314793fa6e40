/**
 * Keccak-p[1600, 12], the permutation of TurboSHAKE and KangarooTwelve (RFC 9861): one source for one state (`T` = u64)
 * and for two states side by side (`T` = v128).
 *
 * A state is 25 lanes of `sizeof<T>()` bytes, row by row. The rounds are written out so that all lanes stay in
 * registers or locals; WebAssembly has no lane rotation, so `rotate` is made of shifts there.
 */

/** Where the twelve round constants lie. */
const ROUND_CONSTANTS: usize = memory.data<u64>([
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
  0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
]);

/** Permute the state at `state` in place. */
export function permute<T>(state: usize): void {
  let a0 = lane<T>(state, 0);
  let a1 = lane<T>(state, 1);
  let a2 = lane<T>(state, 2);
  let a3 = lane<T>(state, 3);
  let a4 = lane<T>(state, 4);
  let a5 = lane<T>(state, 5);
  let a6 = lane<T>(state, 6);
  let a7 = lane<T>(state, 7);
  let a8 = lane<T>(state, 8);
  let a9 = lane<T>(state, 9);
  let a10 = lane<T>(state, 10);
  let a11 = lane<T>(state, 11);
  let a12 = lane<T>(state, 12);
  let a13 = lane<T>(state, 13);
  let a14 = lane<T>(state, 14);
  let a15 = lane<T>(state, 15);
  let a16 = lane<T>(state, 16);
  let a17 = lane<T>(state, 17);
  let a18 = lane<T>(state, 18);
  let a19 = lane<T>(state, 19);
  let a20 = lane<T>(state, 20);
  let a21 = lane<T>(state, 21);
  let a22 = lane<T>(state, 22);
  let a23 = lane<T>(state, 23);
  let a24 = lane<T>(state, 24);

  for (let round: usize = 0; round < 96; round += 8) {
    // theta: each column takes the parity of its neighbours
    const c0 = xor<T>(xor<T>(xor<T>(a0, a5), xor<T>(a10, a15)), a20);
    const c1 = xor<T>(xor<T>(xor<T>(a1, a6), xor<T>(a11, a16)), a21);
    const c2 = xor<T>(xor<T>(xor<T>(a2, a7), xor<T>(a12, a17)), a22);
    const c3 = xor<T>(xor<T>(xor<T>(a3, a8), xor<T>(a13, a18)), a23);
    const c4 = xor<T>(xor<T>(xor<T>(a4, a9), xor<T>(a14, a19)), a24);
    const d0 = xor<T>(c4, rotate<T>(c1, 1));
    const d1 = xor<T>(c0, rotate<T>(c2, 1));
    const d2 = xor<T>(c1, rotate<T>(c3, 1));
    const d3 = xor<T>(c2, rotate<T>(c4, 1));
    const d4 = xor<T>(c3, rotate<T>(c0, 1));
    // rho and pi: turn each lane and move it
    const b0 = xor<T>(a0, d0);
    const b1 = rotate<T>(xor<T>(a6, d1), 44);
    const b2 = rotate<T>(xor<T>(a12, d2), 43);
    const b3 = rotate<T>(xor<T>(a18, d3), 21);
    const b4 = rotate<T>(xor<T>(a24, d4), 14);
    const b5 = rotate<T>(xor<T>(a3, d3), 28);
    const b6 = rotate<T>(xor<T>(a9, d4), 20);
    const b7 = rotate<T>(xor<T>(a10, d0), 3);
    const b8 = rotate<T>(xor<T>(a16, d1), 45);
    const b9 = rotate<T>(xor<T>(a22, d2), 61);
    const b10 = rotate<T>(xor<T>(a1, d1), 1);
    const b11 = rotate<T>(xor<T>(a7, d2), 6);
    const b12 = rotate<T>(xor<T>(a13, d3), 25);
    const b13 = rotate<T>(xor<T>(a19, d4), 8);
    const b14 = rotate<T>(xor<T>(a20, d0), 18);
    const b15 = rotate<T>(xor<T>(a4, d4), 27);
    const b16 = rotate<T>(xor<T>(a5, d0), 36);
    const b17 = rotate<T>(xor<T>(a11, d1), 10);
    const b18 = rotate<T>(xor<T>(a17, d2), 15);
    const b19 = rotate<T>(xor<T>(a23, d3), 56);
    const b20 = rotate<T>(xor<T>(a2, d2), 62);
    const b21 = rotate<T>(xor<T>(a8, d3), 55);
    const b22 = rotate<T>(xor<T>(a14, d4), 39);
    const b23 = rotate<T>(xor<T>(a15, d0), 41);
    const b24 = rotate<T>(xor<T>(a21, d1), 2);
    // chi, and iota on the first lane
    a0 = xor<T>(xor<T>(b0, maskedBy<T>(b1, b2)), roundConstant<T>(round));
    a1 = xor<T>(b1, maskedBy<T>(b2, b3));
    a2 = xor<T>(b2, maskedBy<T>(b3, b4));
    a3 = xor<T>(b3, maskedBy<T>(b4, b0));
    a4 = xor<T>(b4, maskedBy<T>(b0, b1));
    a5 = xor<T>(b5, maskedBy<T>(b6, b7));
    a6 = xor<T>(b6, maskedBy<T>(b7, b8));
    a7 = xor<T>(b7, maskedBy<T>(b8, b9));
    a8 = xor<T>(b8, maskedBy<T>(b9, b5));
    a9 = xor<T>(b9, maskedBy<T>(b5, b6));
    a10 = xor<T>(b10, maskedBy<T>(b11, b12));
    a11 = xor<T>(b11, maskedBy<T>(b12, b13));
    a12 = xor<T>(b12, maskedBy<T>(b13, b14));
    a13 = xor<T>(b13, maskedBy<T>(b14, b10));
    a14 = xor<T>(b14, maskedBy<T>(b10, b11));
    a15 = xor<T>(b15, maskedBy<T>(b16, b17));
    a16 = xor<T>(b16, maskedBy<T>(b17, b18));
    a17 = xor<T>(b17, maskedBy<T>(b18, b19));
    a18 = xor<T>(b18, maskedBy<T>(b19, b15));
    a19 = xor<T>(b19, maskedBy<T>(b15, b16));
    a20 = xor<T>(b20, maskedBy<T>(b21, b22));
    a21 = xor<T>(b21, maskedBy<T>(b22, b23));
    a22 = xor<T>(b22, maskedBy<T>(b23, b24));
    a23 = xor<T>(b23, maskedBy<T>(b24, b20));
    a24 = xor<T>(b24, maskedBy<T>(b20, b21));
  }

  setLane<T>(state, 0, a0);
  setLane<T>(state, 1, a1);
  setLane<T>(state, 2, a2);
  setLane<T>(state, 3, a3);
  setLane<T>(state, 4, a4);
  setLane<T>(state, 5, a5);
  setLane<T>(state, 6, a6);
  setLane<T>(state, 7, a7);
  setLane<T>(state, 8, a8);
  setLane<T>(state, 9, a9);
  setLane<T>(state, 10, a10);
  setLane<T>(state, 11, a11);
  setLane<T>(state, 12, a12);
  setLane<T>(state, 13, a13);
  setLane<T>(state, 14, a14);
  setLane<T>(state, 15, a15);
  setLane<T>(state, 16, a16);
  setLane<T>(state, 17, a17);
  setLane<T>(state, 18, a18);
  setLane<T>(state, 19, a19);
  setLane<T>(state, 20, a20);
  setLane<T>(state, 21, a21);
  setLane<T>(state, 22, a22);
  setLane<T>(state, 23, a23);
  setLane<T>(state, 24, a24);
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function lane<T>(state: usize, index: usize): T {
  if (isVector<T>()) return v128.load(state + index * 16);
  else return load<T>(state + index * 8);
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function setLane<T>(state: usize, index: usize, value: T): void {
  if (isVector<T>()) v128.store(state + index * 16, value);
  else store<T>(state + index * 8, value);
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function xor<T>(a: T, b: T): T {
  if (isVector<T>()) return v128.xor(a, b);
  else return a ^ b;
}

/** `b` where `a` has zeros. */
// @ts-ignore: decorators are AssemblyScript's
@inline
function maskedBy<T>(a: T, b: T): T {
  if (isVector<T>()) return v128.andnot(b, a);
  else return ~a & b;
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function rotate<T>(a: T, bits: i32): T {
  if (isVector<T>()) return v128.or(i64x2.shl(a, bits), i64x2.shr_u(a, 64 - bits));
  else return rotl<T>(a, bits as T);
}

// @ts-ignore: decorators are AssemblyScript's
@inline
function roundConstant<T>(round: usize): T {
  if (isVector<T>()) return v128.load_splat<u64>(ROUND_CONSTANTS + round);
  else return load<T>(ROUND_CONSTANTS + round);
}
