import type { ArchiveReader, PackedMember } from './archive-member.ts';

/**
 * The members of a ZIP as `zip-format.ts` writes it, in their order: stored, one behind the other without a gap, each named in the
 * central directory just as before its content, and nothing before, between or behind them. So there is one way to read it, and what one program
 * unpacks is what every program does.
 *
 * @throws {MirrorError} ERR_INTEGRITY where it is anything else
 */
export function* readZip(archive: ArchiveReader): Generator<PackedMember> {
  const { members, start, end } = readEnd(archive);
  let at = start;
  let local = 0;
  for (let count = 0; count < members; count++) {
    const member = readCentral(archive, at, end);
    if (member.offset !== local) throw archive.wrong(at, 'a member does not follow the one before it');
    const contentAt = readLocal(archive, local, member);
    const target = member.kind === 'symlink' ? archive.bytes(contentAt, member.size) : undefined;
    const { name, kind, size, crc32 } = member;
    yield {
      name,
      kind,
      size: kind === 'file' ? size : 0,
      at: contentAt,
      crc32,
      ...(target !== undefined && { target }),
    };
    local = contentAt + size;
    at = member.next;
  }
  if (local !== start || at !== end) throw archive.wrong(at, 'there are bytes that belong to no member');
}

interface Central {
  readonly name: Buffer;
  readonly kind: PackedMember['kind'];
  readonly size: number;
  readonly crc32: number;
  readonly offset: number;
  /** The 24 bytes that both headers of a member share. */
  readonly common: Buffer;
  readonly next: number;
}

function readEnd(archive: ArchiveReader): { readonly members: number; readonly start: number; readonly end: number } {
  const at = archive.size - 22;
  const plain = archive.bytes(at, 22);
  if (plain.readUInt32LE(0) !== 0x06054b50 || plain.readUInt32LE(4) !== 0 || plain.readUInt16LE(20) !== 0)
    throw archive.wrong(at, 'it does not end as a ZIP without a comment');
  const small = { members: plain.readUInt16LE(10), bytes: plain.readUInt32LE(12), start: plain.readUInt32LE(16) };
  if (small.members !== MAX_16 && small.bytes !== MAX_32 && small.start !== MAX_32) {
    if (small.start + small.bytes !== at) throw archive.wrong(at, 'the central directory is not where it should be');
    return { members: small.members, start: small.start, end: at };
  }
  const recordAt = at - 20 - 56;
  const record = archive.bytes(recordAt, 76);
  const [members, bytes, start] = [big(record, 32), big(record, 40), big(record, 48)];
  const isWhole =
    record.readUInt32LE(0) === 0x06064b50 && record.readUInt32LE(56) === 0x07064b50 && big(record, 64) === recordAt;
  if (!isWhole || start + bytes !== recordAt)
    throw archive.wrong(recordAt, 'the central directory is not where it should be');
  return { members, start, end: recordAt };
}

function readCentral(archive: ArchiveReader, at: number, end: number): Central {
  const head = archive.bytes(at, 46);
  if (head.readUInt32LE(0) !== 0x02014b50) throw archive.wrong(at, 'a record of the central directory is missing');
  const [nameBytes, extraBytes, commentBytes] = [head.readUInt16LE(28), head.readUInt16LE(30), head.readUInt16LE(32)];
  const next = at + 46 + nameBytes + extraBytes;
  if (commentBytes !== 0 || next > end) throw archive.wrong(at, 'a record of the central directory is too long');
  const rest = archive.bytes(at + 46, nameBytes + extraBytes);
  const extra = rest.subarray(nameBytes);
  const isBig = head.readUInt32LE(24) === MAX_32;
  const isFar = head.readUInt32LE(42) === MAX_32;
  const wanted = (isBig ? 16 : 0) + (isFar ? 8 : 0);
  if (extra.length !== (wanted === 0 ? 0 : 4 + wanted) || (wanted > 0 && extra.readUInt16LE(0) !== 1))
    throw archive.wrong(at, 'unknown fields');
  const mode = head.readUInt32LE(38) >>> 16;
  const kind = KINDS.get(mode & 0o170000);
  if (kind === undefined) throw archive.wrong(at, 'a member of unknown kind');
  return {
    name: rest.subarray(0, nameBytes),
    kind,
    size: isBig ? big(extra, 4) : head.readUInt32LE(24),
    crc32: head.readUInt32LE(16),
    offset: isFar ? big(extra, 4 + wanted - 8) : head.readUInt32LE(42),
    common: head.subarray(6, 30),
    next,
  };
}

/** Where the content begins; the header there must say what the central directory says. */
function readLocal(archive: ArchiveReader, at: number, { name, common, size }: Central): number {
  const head = archive.bytes(at, 30);
  const isStored =
    common.readUInt16LE(2) % 2 === 0 && common.readUInt16LE(4) === 0 && (common.readUInt16LE(2) & 8) === 0;
  if (head.readUInt32LE(0) !== 0x04034b50 || !isStored || !head.subarray(4, 28).equals(common))
    throw archive.wrong(at, 'a member that is not stored, or not as the central directory says');
  const extraBytes = head.readUInt16LE(28);
  const rest = archive.bytes(at + 30, name.length + extraBytes);
  const extra = rest.subarray(name.length);
  const isBig = common.readUInt32LE(16) === MAX_32;
  const extraIsRight = isBig
    ? extra.length === 20 && extra.readUInt16LE(0) === 1 && big(extra, 4) === size && big(extra, 12) === size
    : extra.length === 0;
  if (!rest.subarray(0, name.length).equals(name) || !extraIsRight)
    throw archive.wrong(at, 'a member is not as the central directory says');
  return at + 30 + name.length + extraBytes;
}

function big(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
const KINDS: ReadonlyMap<number, PackedMember['kind']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
]);
