import { closeSync, createReadStream, lstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, ifThere } from '@mirror/core/errors';
import { algorithmsNamed, createHasher } from '../algorithms.ts';
import type { OutputFiles } from '../output-files.ts';
import { finalFiles } from '../output-files.ts';
import { readReport } from '../read-report.ts';

/**
 * Make sure that no file is lost: what has the name of an output must be evidence that an earlier run has made, and `replace` must say
 * that it may go. Gives the names of outputs that are taken.
 *
 * @throws {MirrorError} ERR_USAGE for anything else
 */
export async function checkEarlierEvidence(outputs: OutputFiles, replace: boolean): Promise<readonly string[]> {
  const taken = finalFiles(outputs).filter((file) => ifThere(() => lstatSync(file)) !== undefined);
  const [first] = taken;
  if (first === undefined) return taken;
  if (!replace) {
    throw new MirrorError('ERR_USAGE', `${first} is there already`, {
      hint: 'give another --out-prefix, or --replace if it is earlier evidence that may be lost',
    });
  }
  for (const file of taken) {
    if (!(await isEvidence(file, outputs))) {
      throw new MirrorError('ERR_USAGE', `${file} is not evidence that an earlier run has made, and is not replaced`, {
        hint: 'give another --out-prefix, or move the file away',
      });
    }
  }
  return taken;
}

async function isEvidence(file: string, outputs: OutputFiles): Promise<boolean> {
  if (!lstatSync(file).isFile()) return false;
  switch (file) {
    case outputs.report:
      return isReport(file);
    case outputs.archive:
      return beginsAsOurArchive(file, path.basename(outputs.report));
    case outputs.publicKey:
      return startOf(file).includes('-----BEGIN PGP PUBLIC KEY BLOCK-----');
    case outputs.signature:
    case outputs.archiveSignature:
      return startOf(file).includes('-----BEGIN PGP SIGNATURE-----');
    default:
      return isListingOf(file, outputs.report);
  }
}

async function isReport(file: string): Promise<boolean> {
  try {
    const { entries } = await readReport(file);
    await entries.return(undefined);
    return true;
  } catch (error) {
    if (error instanceof MirrorError && error.code === 'ERR_INTEGRITY') return false;
    throw error;
  }
}

/** The digest of a listing is that of the directory in its report; one that is edited, or a user's own, has another. */
async function isListingOf(file: string, report: string): Promise<boolean> {
  if (ifThere(() => lstatSync(report))?.isFile() !== true || !(await isReport(report))) return false;
  const { header, entries } = await readReport(report);
  await entries.return(undefined);
  const name = path.extname(file).slice(1);
  const hasher = await createHasher(algorithmsNamed([name])[0]!);
  hasher.init();
  for await (const chunk of createReadStream(file)) hasher.update(chunk as Buffer);
  return hasher.digest() === header.hashes.get(name);
}

/** The first member of an archive of ours is its report; a tar may have a header for its name before it. */
function beginsAsOurArchive(file: string, report: string): boolean {
  const start = startOf(file);
  const name = Buffer.from(report).toString('latin1');
  if (start.startsWith('PK\x03\x04')) return start.startsWith(name, ZIP_NAME_AT);
  return start.startsWith('ustar\x0000', TAR_MAGIC_AT) && (start.startsWith(`${name}\0`) || start.startsWith('pax\0'));
}

function startOf(file: string): string {
  const start = Buffer.alloc(512);
  const fd = openSync(file, 'r');
  try {
    return start.subarray(0, readSync(fd, start)).toString('latin1');
  } finally {
    closeSync(fd);
  }
}

const ZIP_NAME_AT = 30;
const TAR_MAGIC_AT = 257;
