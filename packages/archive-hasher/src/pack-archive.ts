import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, writevSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { algorithmsToCheck, createHasher } from './algorithms.ts';
import type { ArchiveFormat, Member } from './archive-format.ts';
import { fill, isHashed, readSteadily } from './hash-file.ts';
import type { ReadOptions } from './hash-file.ts';
import type { Hasher } from './hasher.ts';
import type { Problem } from './problem.ts';
import { readReport } from './read-report.ts';
import type { ReportEntry } from './report.ts';
import { tarFormat } from './tar-format.ts';
import { pathBytes, targetBytes } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';
import { createZipFormat } from './zip-format.ts';

/** The kinds of archive. */
export type ArchiveKind = 'zip' | 'tar';

/** What to pack. */
export interface PackOptions {
  readonly kind: ArchiveKind;
  /** The archive to write; nothing may be there. */
  readonly archive: string;
  /** What the archive will be called in the end, for messages. */
  readonly called: string;
  readonly read: ReadOptions;
  /** The report that says what is packed, in which order, and what each file must be. */
  readonly report: string;
  /** Directories that no other member implies. */
  readonly bareDirectories: readonly TreePath[];
  /** Files that go beside the directory, by their name in the archive. */
  readonly beside: readonly { readonly name: string; readonly file: string }[];
}

/** What was packed. */
export interface PackResult {
  readonly members: number;
  readonly bytes: number;
  /** Files that are not what the report says any more; they are not in the archive. */
  readonly problems: readonly Problem[];
}

/**
 * Pack a directory as its report lists it: `<directory name>/…`, with the report and its signature beside it, so that the
 * unpacked archive can be verified at once. Each file is compared with its digest once more on the way.
 * The content is read and written in pieces; the same tree and report give the same bytes.
 *
 * @throws {MirrorError} ERR_IO when the archive cannot be written; what was written of it is left
 */
export async function packArchive(
  options: PackOptions,
  onBytes: (count: number) => void,
  onFile: () => void,
): Promise<PackResult> {
  const { header, entries } = await readReport(options.report);
  const [algorithm] = algorithmsToCheck([...header.hashes.keys()]);
  const format = options.kind === 'zip' ? createZipFormat() : tarFormat;
  const fd = openNew(options);
  try {
    const out = createMemberWriter(archiveWriter(fd, options.called), format, await createHasher(algorithm!), onBytes);
    for (const { name, file } of options.beside) {
      const read: ReadOptions = { root: path.dirname(file), follow: true, retries: 0 };
      const problem = out.file(Buffer.from(name), path.basename(file), read, undefined);
      if (problem !== undefined) throw new MirrorError('ERR_IO', `cannot pack ${file}: ${problem.detail}`);
    }
    const name = (tree: TreePath): Buffer => Buffer.concat([Buffer.from(`${header.directory.name}/`), pathBytes(tree)]);
    for (const directory of options.bareDirectories)
      out.other({ name: Buffer.concat([name(directory), SLASH]), kind: 'directory', size: 0 });
    const problems: Problem[] = [];
    for await (const entry of entries) {
      const problem = packEntry(out, entry, name(entry.path), options.read, algorithm!.name);
      if (problem !== undefined) problems.push(problem);
      if (entry.kind === 'file') onFile();
    }
    const result = out.end();
    ftruncateSync(fd, result.bytes); // the content of a member that was dropped may lie beyond the end
    fsyncSync(fd);
    return { ...result, problems };
  } finally {
    closeSync(fd);
  }
}

function packEntry(
  out: MemberWriter,
  entry: ReportEntry,
  name: Buffer,
  read: ReadOptions,
  algorithm: string,
): Problem | undefined {
  switch (entry.kind) {
    case 'file':
      return out.file(name, entry.path, read, { size: entry.size, digest: entry.hashes.get(algorithm)! });
    case 'symlink':
      out.other({ name, kind: 'symlink', size: 0, target: targetBytes(entry.target) });
      return undefined;
    case 'problem':
      return undefined; // it was told when it was found
  }
}

interface MemberWriter {
  /** Add a file's content, unless it cannot be read or is not as promised: then nothing is added, and it is said why. */
  file(
    name: Buffer,
    path: TreePath,
    read: ReadOptions,
    promised: { readonly size: number; readonly digest: string } | undefined,
  ): Problem | undefined;
  /** Add a member that is no file. */
  other(member: Member): void;
  end(): { readonly members: number; readonly bytes: number };
}

/** Everything is written at its place, so that a head can follow its content, and a member that failed is written over. */
function createMemberWriter(
  write: ReturnType<typeof archiveWriter>,
  format: ArchiveFormat,
  hasher: Hasher,
  onBytes: (count: number) => void,
): MemberWriter {
  const buffer = Buffer.allocUnsafe(1 << 20);
  let offset = 0;
  let members = 0;

  function close(member: Member, checksum: number, contentInBuffer: Buffer | undefined): void {
    const head = format.head(member, checksum, offset);
    const tail = format.tail(member);
    if (contentInBuffer === undefined) {
      write([head], offset);
      write([tail], offset + head.length + member.size);
    } else {
      write([head, contentInBuffer, tail], offset);
    }
    offset += head.length + member.size + tail.length;
    members += 1;
  }

  return {
    file(name, path, read, promised) {
      let member: Member | undefined;
      let checksum = 0;
      const outcome = readSteadily(path, read, (source, size) => {
        member = { name, kind: 'file', size, executable: (fstatSync(source).mode & 0o100) !== 0 };
        const start = offset + format.headLength(member);
        checksum = 0;
        let done = 0;
        hasher.init();
        // whole buffers, so that a small content stays in the buffer even where reads come short; one byte more than
        // is expected shows that a file has grown
        while (done <= size) {
          const count = fill(source, buffer, Math.min(buffer.length, size + 1 - done));
          if (count === 0) break;
          const piece = buffer.subarray(0, count);
          hasher.update(piece);
          checksum = crc32(piece, checksum);
          if (size >= buffer.length) write([piece], start + done);
          done += count;
          onBytes(count);
          if (size < buffer.length) break;
        }
        return { size: done, digests: [hasher.digest()] };
      });
      if (!isHashed(outcome)) return outcome;
      if (promised !== undefined && (outcome.size !== promised.size || outcome.digests[0] !== promised.digest)) {
        return { path, reason: 'changed', detail: 'changed since it was hashed' };
      }
      close(member!, checksum, outcome.size < buffer.length ? buffer.subarray(0, outcome.size) : undefined);
      return undefined;
    },
    other: (member) => close(member, 0, Buffer.alloc(0)),
    end() {
      let at = offset;
      for (const part of inChunks(format.end(offset))) {
        write([part], at);
        at += part.length;
      }
      return { members, bytes: at };
    },
  };
}

/** Small buffers joined to pieces that are worth a write. */
function* inChunks(parts: Iterable<Buffer>): Generator<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for (const part of parts) {
    waiting.push(part);
    bytes += part.length;
    if (bytes < 1 << 20) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
  }
  yield Buffer.concat(waiting);
}

function openNew({ archive, called }: PackOptions): number {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  try {
    return openSync(archive, O_WRONLY | O_CREAT | O_EXCL, 0o666);
  } catch (cause) {
    throw new MirrorError('ERR_IO', `cannot write ${called}: ${messageOf(cause)}`, { cause });
  }
}

/** Writes to the archive; what goes wrong there is told as its own fault, not as that of the file that is read meanwhile. */
function archiveWriter(fd: number, archive: string): (parts: readonly Buffer[], position: number) => void {
  return (parts, position) => {
    try {
      writeAll(fd, parts, position);
    } catch (cause) {
      throw new MirrorError('ERR_IO', `cannot write ${archive}: ${messageOf(cause)}`, { cause });
    }
  };
}

function writeAll(fd: number, parts: readonly Buffer[], position: number): void {
  const whole = parts.filter(({ length }) => length > 0);
  const total = whole.reduce((sum, { length }) => sum + length, 0);
  if (total === 0) return;
  const written = writevSync(fd, whole, position);
  if (written === total) return;
  if (written === 0) throw new Error('it takes no more bytes');
  writeAll(fd, [Buffer.concat(whole).subarray(written)], position + written);
}

const SLASH = Buffer.from('/');
