import type { ArchiveFormat, Member } from './archive-format.ts';
import { modeOf } from './archive-format.ts';
import { decodeName } from './tree-path.ts';

/**
 * POSIX tar (pax interchange format): a plain ustar header where that can say everything, with an extended header before
 * it for long or non-ASCII names and for sizes of 8 GiB and more.
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 */
export const tarFormat: ArchiveFormat = {
  headLength: (member) => head(member).length,
  head,
  tail: (member) => padding(hasContent(member) ? member.size : 0),
  end: () => [Buffer.alloc(2 * BLOCK)],
};

function head(member: Member): Buffer {
  const records = paxRecords(member);
  const size = hasContent(member) ? member.size : 0;
  const plain = header(member.name, size, member.target ?? EMPTY, TYPES[member.kind], modeOf(member));
  if (records.length === 0) return plain;
  return Buffer.concat([
    header(Buffer.from('pax'), records.length, EMPTY, 'x', 0o644),
    records,
    padding(records.length),
    plain,
  ]);
}

/** Only a file has content: a link's target stands in its header. */
function hasContent(member: Member): boolean {
  return member.kind === 'file';
}

function paxRecords({ name, target = EMPTY, size, kind }: Member): Buffer {
  const records: Buffer[] = [];
  const isRaw = decodeName(name) === undefined || decodeName(target) === undefined;
  if (isRaw) records.push(paxRecord('hdrcharset', Buffer.from('BINARY')));
  if (!fits(name)) records.push(paxRecord('path', name));
  if (!fits(target)) records.push(paxRecord('linkpath', target));
  if (kind === 'file' && size > MAX_OCTAL_SIZE) records.push(paxRecord('size', Buffer.from(String(size))));
  return Buffer.concat(records);
}

/** `<length> key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(name: Buffer, size: number, target: Buffer, type: string, mode: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0, 0, NAME_BYTES);
  writeOctal(block, 100, 8, mode);
  writeOctal(block, 108, 8, 0);
  writeOctal(block, 116, 8, 0);
  writeOctal(block, 124, 12, size > MAX_OCTAL_SIZE ? 0 : size);
  writeOctal(block, 136, 12, 0);
  block.fill(' ', 148, 156); // the checksum is taken as if it were blank
  block.write(type, 156);
  target.copy(block, 157, 0, NAME_BYTES);
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\x00 `, 148, 'latin1');
  return block;
}

function writeOctal(block: Buffer, at: number, width: number, value: number): void {
  block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

function fits(name: Buffer): boolean {
  return name.length <= NAME_BYTES && name.every((byte) => byte < 0x80);
}

const BLOCK = 512;
const NAME_BYTES = 100;
const MAX_OCTAL_SIZE = 0o77777777777;
const TYPES: Readonly<Record<Member['kind'], string>> = { file: '0', symlink: '2', directory: '5' };
const EMPTY = Buffer.alloc(0);
