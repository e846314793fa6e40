import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core/errors';
import type { NewSigningKey } from '@mirror/core/evidence';
import { makeDirectory, syncFolder } from '@mirror/core/io';

/** Where a new key was kept. */
export interface KeptKey {
  /** The certificate that revokes it. */
  readonly revocation: string;
}

/**
 * Keep a new key in `file`, for the user alone, and the certificate that revokes it beside it. The key appears under its name whole or not at all.
 * Undefined when another run has made one there meanwhile: then this one is gone.
 *
 * @throws {MirrorError} ERR_IO when it cannot be written; nothing is left then
 */
export async function keepNewKey(file: string, key: NewSigningKey): Promise<KeptKey | undefined> {
  const dir = path.dirname(file);
  const beside = path.join(dir, `.${path.basename(file)}.${randomUUID()}`);
  const revocation = path.join(dir, `${path.basename(file).replace(/\.asc$/, '')}.${key.fingerprint}.revocation.asc`);
  try {
    makeDirectory(dir, 0o700);
    writeSecret(revocation, key.revocation);
    writeSecret(beside, key.privateKey);
    place(beside, file);
    await syncFolder(dir);
    return { revocation };
  } catch (cause) {
    rmSync(revocation, { force: true });
    if (systemCodeOf(cause) === 'EEXIST') return undefined;
    throw new MirrorError('ERR_IO', `cannot keep a new key in ${file}: ${messageOf(cause)}`, {
      cause,
      hint: 'say where it is kept by --new-key, or give a key by --gpgkey',
    });
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Only if nothing is there. A disk without hard links has no such step; two first runs at once are rare there. */
function place(beside: string, file: string): void {
  try {
    linkSync(beside, file);
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST' || existsSync(file)) throw error;
    renameSync(beside, file);
  }
}

function writeSecret(file: string, text: string): void {
  const fd = openSync(file, 'wx', 0o600);
  try {
    fchmodSync(fd, 0o600); // whatever the umask
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
