/**
 * KT128 of RFC 9861 (KangarooTwelve) with an empty customization string and 32 bytes of output, as a stream.
 *
 * The first 8192 bytes go into the final node. Each later chunk of 8192 bytes is a leaf of its own, whose 32-byte
 * chaining value goes into the final node; two whole leaves are hashed side by side where SIMD is there.
 */
import { permute } from './keccak.as';

/** Bytes in a chunk. */
const CHUNK: usize = 8192;
/** Bytes that one permutation absorbs. */
const RATE: usize = 168;
const LANES: usize = RATE / 8;
const CHAINING_VALUE: usize = 32;

const finalNode: usize = memory.data(200, 16);
const leafNode: usize = memory.data(200, 16);
const pairedNodes: usize = memory.data(400, 16);
/** What follows the first chunk where there are more; it is not at `scratch`, where the bytes that open the tree may lie. */
const treeMark: usize = memory.data<u64>([3]);
/** Two chaining values, or the few bytes of padding and counters that go into a node. */
const scratch: usize = memory.data(64, 16);

/** Bytes absorbed into the current block of the final node and of the open leaf. */
let finalOffset: usize = 0;
let leafOffset: usize = 0;
/** Bytes that the open leaf holds. */
let leafBytes: usize = 0;
let leaves: u64 = 0;
let total: u64 = 0;

/** Begin a new message. */
export function k12Init(): void {
  memory.fill(finalNode, 0, 200);
  memory.fill(leafNode, 0, 200);
  finalOffset = 0;
  leafOffset = 0;
  leafBytes = 0;
  leaves = 0;
  total = 0;
}

/** Add the `length` bytes at `data` to the message. */
export function k12Update(data: usize, length: usize): void {
  if (total < CHUNK && length > 0) {
    const head = min<usize>(CHUNK - (total as usize), length);
    finalOffset = absorb(finalNode, finalOffset, data, head);
    total += head;
    data += head;
    length -= head;
  }
  if (length == 0) return;
  if (total == CHUNK) openTree();
  total += length;
  while (length > 0) {
    const taken = leafBytes == 0 && length >= CHUNK ? wholeLeaves(data, length) : partOfLeaf(data, length);
    data += taken;
    length -= taken;
  }
}

/** End the message; its 32-byte digest stands at the returned address until the next call. */
export function k12Digest(): usize {
  store<u8>(scratch, 0); // the length of the empty customization string
  k12Update(scratch, 1);
  if (total <= CHUNK) {
    pad(finalNode, finalOffset, 0x07);
    return finalNode;
  }
  if (leafBytes > 0) closeLeaf();
  finalOffset = absorb(finalNode, finalOffset, scratch, encodeLeafCount());
  pad(finalNode, finalOffset, 0x06);
  return finalNode;
}

/** A message longer than one chunk marks that in its final node. */
function openTree(): void {
  finalOffset = absorb(finalNode, finalOffset, treeMark, 8);
}

/** Hash as many whole leaves as lie at `data`; returns how many bytes that were. */
function wholeLeaves(data: usize, length: usize): usize {
  const start = data;
  const end = data + length;
  if (ASC_FEATURE_SIMD) {
    for (; data + 2 * CHUNK <= end; data += 2 * CHUNK) {
      hashLeafPair(data);
      finalOffset = absorb(finalNode, finalOffset, scratch, 2 * CHAINING_VALUE);
      leaves += 2;
    }
  }
  for (; data + CHUNK <= end; data += CHUNK) {
    leafOffset = absorb(leafNode, leafOffset, data, CHUNK);
    closeLeaf();
  }
  return data - start;
}

/** Add to the open leaf what still fits; returns how many bytes that were. */
function partOfLeaf(data: usize, length: usize): usize {
  const taken = min<usize>(CHUNK - leafBytes, length);
  leafOffset = absorb(leafNode, leafOffset, data, taken);
  leafBytes += taken;
  if (leafBytes == CHUNK) closeLeaf();
  return taken;
}

function closeLeaf(): void {
  pad(leafNode, leafOffset, 0x0b);
  finalOffset = absorb(finalNode, finalOffset, leafNode, CHAINING_VALUE);
  memory.fill(leafNode, 0, 200);
  leafOffset = 0;
  leafBytes = 0;
  leaves++;
}

/** right_encode(leaves) and 0xFFFF at `scratch`; returns the length. */
function encodeLeafCount(): usize {
  let size: usize = 0;
  for (let rest = leaves; rest > 0; rest >>= 8) size++;
  for (let i: usize = 0; i < size; i++) store<u8>(scratch + i, (leaves >> ((size - 1 - i) * 8)) as u8);
  store<u8>(scratch + size, size as u8);
  store<u16>(scratch + size + 1, 0xffff);
  return size + 3;
}

/** XOR `length` bytes into the node from `offset` of its block on, permuting after each full block; returns the new offset. */
function absorb(node: usize, offset: usize, data: usize, length: usize): usize {
  while (length > 0) {
    if (offset == 0 && length >= RATE) {
      for (let i: usize = 0; i < RATE; i += 8) store<u64>(node + i, load<u64>(node + i) ^ load<u64>(data + i));
      permute<u64>(node);
      data += RATE;
      length -= RATE;
      continue;
    }
    const taken = min<usize>(RATE - offset, length);
    for (let i: usize = 0; i < taken; i++) {
      store<u8>(node + offset + i, load<u8>(node + offset + i) ^ load<u8>(data + i));
    }
    data += taken;
    length -= taken;
    offset += taken;
    if (offset == RATE) {
      permute<u64>(node);
      offset = 0;
    }
  }
  return offset;
}

/** Close a sponge with the domain byte of its kind; its output then stands in its first bytes. */
function pad(node: usize, offset: usize, domain: u8): void {
  store<u8>(node + offset, load<u8>(node + offset) ^ domain);
  store<u8>(node + RATE - 1, load<u8>(node + RATE - 1) ^ 0x80);
  permute<u64>(node);
}

/** The chaining values of the two leaves at `data`, at `scratch`. */
function hashLeafPair(data: usize): void {
  memory.fill(pairedNodes, 0, 400);
  for (let block: usize = 0; block < CHUNK / RATE; block++) {
    absorbPair(data, LANES);
    permute<v128>(pairedNodes);
    data += RATE;
  }
  const lastLanes = (CHUNK % RATE) / 8;
  absorbPair(data, lastLanes);
  xorPair(lastLanes, 0x0b);
  xorPair(LANES - 1, 0x8000000000000000);
  permute<v128>(pairedNodes);
  for (let i: usize = 0; i < CHAINING_VALUE / 8; i++) {
    store<u64>(scratch + i * 8, load<u64>(pairedNodes + i * 16));
    store<u64>(scratch + CHAINING_VALUE + i * 8, load<u64>(pairedNodes + i * 16 + 8));
  }
}

function absorbPair(data: usize, lanes: usize): void {
  for (let i: usize = 0; i < lanes; i++) {
    const node = pairedNodes + i * 16;
    const both = v128.load64_lane(data + CHUNK + i * 8, v128.load64_zero(data + i * 8), 1);
    v128.store(node, v128.xor(v128.load(node), both));
  }
}

function xorPair(index: usize, value: u64): void {
  const node = pairedNodes + index * 16;
  v128.store(node, v128.xor(v128.load(node), i64x2.splat(value)));
}
