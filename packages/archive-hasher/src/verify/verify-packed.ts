import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { MirrorError } from '@mirror/core/errors';
import { NO_TRUSTED_KEYS, readPublicKeys, readPublicKeysIn, readSignaturesIn } from '@mirror/core/evidence';
import { silentLog } from '@mirror/core/log';
import { algorithmsToCheck, createHasher } from '../algorithms.ts';
import type { Algorithm } from '../algorithms.ts';
import { archiveReader } from '../archive/archive-member.ts';
import type { ArchiveReader, PackedMember } from '../archive/archive-member.ts';
import { readTar } from '../archive/read-tar.ts';
import { readZip } from '../archive/read-zip.ts';
import { createAudit } from '../audit-report.ts';
import type { Hasher } from '../hasher.ts';
import { readReport } from '../read-report.ts';
import type { ReportEntry, ReportHeader } from '../report.ts';
import { childPath, comparePaths, decodeName, isTreePath, pathBytes, targetBytes } from '../tree-path.ts';
import type { TreePath } from '../tree-path.ts';
import type { VerifyArchiveResult } from '../verify-archive.ts';
import { checkArchiveSignature } from './check-archive-signature.ts';
import { checkReadSigners, judgeSigner } from './check-signer.ts';
import type { Difference } from './compare-item.ts';
import { openSteadyFile, steadyRange } from './steady-file.ts';
import type { VerifyArchiveOptions } from './verify-options.ts';

/** What to check. */
export type VerifyPackedOptions = Omit<
  VerifyArchiveOptions,
  'report' | 'dir' | 'signature' | 'quick' | 'engine' | 'workers'
> & {
  /** A ZIP or tar that `hashArchive` has packed. */
  readonly archive: string;
};

/**
 * Check an archive against the report in it, without unpacking it: the signature of the report, that of the archive where it lies beside it, then each member. Archives hold their
 * members as they are, so that none can become larger than the archive. Nothing is written.
 *
 * @throws {MirrorError} ERR_SIGNATURE as `verifyArchive`; ERR_INTEGRITY when the archive is not in the form that this program packs
 */
export async function verifyPacked(options: VerifyPackedOptions): Promise<VerifyArchiveResult> {
  const { log = silentLog } = options;
  const file = await openSteadyFile(options.archive, 'the archive');
  try {
    const { size } = await file.handle.stat();
    const archive = archiveReader(file.handle.fd, options.archive, size);
    const beside = readBeside(archive);
    const range = steadyRange(
      file.handle,
      `${options.archive}: ${beside.report.name.toString()}`,
      beside.report.at,
      beside.report.size,
    );
    const small = (member: PackedMember): Buffer => archive.bytes(member.at, member.size);
    const signatures = (
      await Promise.all(beside.signatures.map((each) => readSignaturesIn(small(each), range.name)))
    ).flat();
    const { publicKey, trusted = NO_TRUSTED_KEYS } = options;
    const keys =
      publicKey === undefined
        ? (await Promise.all(beside.keys.map((each) => readPublicKeysIn(small(each), range.name)))).flat()
        : await readPublicKeys(publicKey);
    const signers = await checkReadSigners(range, { signatures, keys, broken: [] }, options, log);
    const { header, entries } = await readReport(range.name, range.chunks());
    const signer = judgeSigner(range.name, header, signers, options, log);
    await checkArchiveSignature(file, keys, trusted, signers);
    const compared = await compareMembers(archive, file.handle.fd, { header, entries }, options);
    return { dir: options.archive, signer, signers, reportSha256: range.digest()!, ...compared };
  } finally {
    await file.close();
  }
}

function membersOf(archive: ArchiveReader): Generator<PackedMember> {
  const isZip = archive.size >= 4 && archive.bytes(0, 4).equals(Buffer.from('PK\x03\x04'));
  return isZip ? readZip(archive) : readTar(archive);
}

/** What lies beside the directory comes first: the report, its signatures, keys. */
function readBeside(archive: ArchiveReader): {
  readonly report: PackedMember;
  readonly signatures: readonly PackedMember[];
  readonly keys: readonly PackedMember[];
} {
  const found: PackedMember[] = [];
  for (const member of membersOf(archive)) {
    if (member.kind !== 'file' || member.name.includes('/')) break;
    found.push(member);
  }
  const [report, ...others] = found;
  if (report === undefined || !report.name.toString().endsWith('.toml'))
    throw archive.wrong(0, 'it does not begin with a report');
  const keys = others.filter(({ name }) => name.toString().endsWith('.pub.asc'));
  const signatures = others.filter(({ name }) => name.toString().startsWith(`${report.name.toString()}.`));
  if (keys.length + signatures.length !== others.length)
    throw archive.wrong(0, 'unknown files lie beside the directory');
  return { report, signatures, keys };
}

async function compareMembers(
  archive: ArchiveReader,
  fd: number,
  { header, entries }: { readonly header: ReportHeader; readonly entries: AsyncIterable<ReportEntry> },
  options: VerifyPackedOptions,
): Promise<Pick<VerifyArchiveResult, 'verified' | 'differences'>> {
  const [algorithm] = algorithmsToCheck(options.algorithms ?? [...header.hashes.keys()]);
  if (algorithm === undefined || !header.hashes.has(algorithm.name))
    throw new MirrorError('ERR_USAGE', 'the report has no such algorithm', {
      hint: `it has ${[...header.hashes.keys()].join(', ')}`,
    });
  const hasher = await createHasher(algorithm);
  const counts = { missing: 0, added: 0, changed: 0, unverified: 0, report: 0 };
  let [verified, done, bytes] = [0, 0, 0];
  options.onPhase?.(header.directory.totalFiles, () => ({ done, bytes, failed: done - verified }));
  const tell = async (difference: Difference | undefined): Promise<void> => {
    if (difference === undefined) return;
    counts[difference.change] += 1;
    await options.onDifference?.(difference);
  };
  const audit = await createAudit(header);
  const members = treeMembers(archive, header.directory.name);
  let next = members.next();
  for await (const entry of audit.watch({ [Symbol.asyncIterator]: () => entries[Symbol.asyncIterator]() })) {
    options.signal?.throwIfAborted();
    for (; next.done !== true && comparePaths(next.value.path, entry.path) < 0; next = members.next())
      await tell({ change: 'added', path: next.value.path });
    const isThere = next.done !== true && next.value.path === entry.path;
    if (entry.kind !== 'problem') {
      const difference: Difference | undefined =
        next.done !== true && isThere
          ? compareMember(entry, next.value.member, { fd, hasher, algorithm, archive })
          : { change: 'missing', path: entry.path };
      await tell(difference);
      if (entry.kind === 'file') {
        done += 1;
        bytes += entry.size;
        if (difference === undefined) verified += 1;
        options.onProgress?.();
      }
    } else if (isThere) await tell({ change: 'added', path: entry.path });
    if (isThere) next = members.next();
  }
  for (; next.done !== true; next = members.next()) await tell({ change: 'added', path: next.value.path });
  for (const difference of audit.findings(undefined)) await tell(difference);
  return { verified, differences: counts };
}

/** The members of the directory but for directories, which only say that they are there. */
function* treeMembers(
  archive: ArchiveReader,
  name: string,
): Generator<{ readonly path: TreePath; readonly member: PackedMember }> {
  const top = Buffer.from(`${name}/`);
  let last: TreePath | undefined;
  for (const member of membersOf(archive)) {
    const isBeside = member.kind === 'file' && !member.name.includes('/') && last === undefined;
    if (isBeside) continue;
    const inner = member.name.subarray(top.length, member.kind === 'directory' ? -1 : undefined);
    const path = decodeName(inner) ?? childPath('', inner);
    if (!member.name.subarray(0, top.length).equals(top) || !isTreePath(path) || !pathBytes(path).equals(inner))
      throw archive.wrong(member.at, `a member that is not in the directory ${JSON.stringify(name)}`);
    if (member.kind === 'directory') continue;
    if (last !== undefined && comparePaths(last, path) >= 0)
      throw archive.wrong(member.at, 'the members are not in their order');
    last = path;
    yield { path, member };
  }
}

interface MemberReading {
  readonly fd: number;
  readonly hasher: Hasher;
  readonly algorithm: Algorithm;
  readonly archive: ArchiveReader;
}

function compareMember(
  entry: Exclude<ReportEntry, { kind: 'problem' }>,
  member: PackedMember,
  reading: MemberReading,
): Difference | undefined {
  const { path } = entry;
  const changed = (what: string, expected: string | number, found: string | number): Difference => ({
    change: 'changed',
    path,
    what,
    expected,
    found,
  });
  if (member.kind !== entry.kind) return changed('type', entry.kind, member.kind);
  if (entry.kind === 'symlink') {
    const found = member.target ?? Buffer.alloc(0);
    return found.equals(targetBytes(entry.target)) ? undefined : changed('target', entry.target, found.toString());
  }
  if (member.size !== entry.size) return changed('size', entry.size, member.size);
  const { digest, checksum } = digestOf(member, reading);
  const expected = entry.hashes.get(reading.algorithm.name)!;
  if (digest !== expected) return changed(reading.algorithm.name, expected, digest);
  return member.crc32 === undefined || member.crc32 === checksum ? undefined : changed('crc32', checksum, member.crc32);
}

function digestOf(
  { at, size }: PackedMember,
  { fd, hasher, archive }: MemberReading,
): { readonly digest: string; readonly checksum: number } {
  let checksum = 0;
  hasher.init();
  for (let done = 0; done < size;) {
    const count = readSync(fd, buffer, 0, Math.min(buffer.length, size - done), at + done);
    if (count === 0) throw archive.wrong(at + done, 'it became shorter');
    const piece = buffer.subarray(0, count);
    hasher.update(piece);
    checksum = crc32(piece, checksum);
    done += count;
  }
  return { digest: hasher.digest(), checksum };
}

const buffer = Buffer.allocUnsafe(1 << 20);
