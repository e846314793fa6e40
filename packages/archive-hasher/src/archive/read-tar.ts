import { tarFormat } from '../tar-format.ts';
import type { ArchiveReader, PackedMember } from './archive-member.ts';

/**
 * The members of a tar as `tar-format.ts` writes it, in their order, and nothing behind them. What is read of a header is written again, and must
 * give the same bytes: so there is one way to read it.
 *
 * @throws {MirrorError} ERR_INTEGRITY where it is anything else
 */
export function* readTar(archive: ArchiveReader): Generator<PackedMember> {
  let at = 0;
  for (;;) {
    const first = archive.bytes(at, BLOCK);
    if (first.every((byte) => byte === 0)) break;
    const hasPax = first.toString('latin1', 156, 157) === 'x';
    const pax = hasPax ? readPax(archive, at, octal(first, 124, 12)) : new Map<string, Buffer>();
    const headAt = at + (hasPax ? BLOCK + padded(octal(first, 124, 12)) : 0);
    const head = hasPax ? archive.bytes(headAt, BLOCK) : first;
    const kind = KINDS.get(head.toString('latin1', 156, 157));
    if (kind === undefined) throw archive.wrong(headAt, 'a member of unknown kind');
    const name = pax.get('path') ?? textOf(head, 0);
    const target = kind === 'symlink' ? (pax.get('linkpath') ?? textOf(head, 157)) : undefined;
    const size = kind === 'file' ? Number(pax.get('size')?.toString() ?? octal(head, 124, 12)) : 0;
    const executable = (octal(head, 100, 8) & 0o100) !== 0;
    const written = tarFormat.head({ name, kind, size, executable, ...(target !== undefined && { target }) }, 0, 0);
    const length = headAt + BLOCK - at;
    if (written.length !== length || !archive.bytes(at, length).equals(written))
      throw archive.wrong(at, 'a header that this program does not write');
    const contentAt = at + length;
    yield { name, kind, size, at: contentAt, crc32: undefined, ...(target !== undefined && { target }) };
    at = contentAt + padded(size);
    if (padded(size) > size && !archive.bytes(contentAt + size, padded(size) - size).every((byte) => byte === 0))
      throw archive.wrong(contentAt + size, 'something behind the content of a member');
  }
  if (at + 2 * BLOCK !== archive.size || !archive.bytes(at, 2 * BLOCK).every((byte) => byte === 0))
    throw archive.wrong(at, 'something behind the last member');
}

/** `<length> key=value\n` each. */
function readPax(archive: ArchiveReader, at: number, size: number): Map<string, Buffer> {
  const bytes = archive.bytes(at + BLOCK, size);
  const found = new Map<string, Buffer>();
  for (let from = 0; from < bytes.length;) {
    const space = bytes.indexOf(' ', from);
    const equals = bytes.indexOf('=', from);
    const length = Number(bytes.toString('latin1', from, Math.max(from, space)));
    if (space < 0 || equals < space || !(length > equals - from) || from + length > bytes.length)
      throw archive.wrong(at, 'a header that cannot be read');
    found.set(bytes.toString('latin1', space + 1, equals), bytes.subarray(equals + 1, from + length - 1));
    from += length;
  }
  return found;
}

function textOf(head: Buffer, at: number): Buffer {
  const field = head.subarray(at, at + 100);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function octal(head: Buffer, at: number, width: number): number {
  const text = head.toString('latin1', at, at + width).replace(/\0.*$/s, '');
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : 0;
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

const BLOCK = 512;
const KINDS: ReadonlyMap<string, PackedMember['kind']> = new Map([
  ['0', 'file'],
  ['5', 'directory'],
  ['2', 'symlink'],
]);
