import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Server } from 'node:tls';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core';
import type { Log } from '@mirror/core';

/** Files in PEM form. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Their bytes. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * The certificate chain and its key, looked at before anything listens.
 *
 * @throws {MirrorError} ERR_CONFIG when a file cannot be read, holds something else, or the key is of another certificate
 */
export function readCertificate({ certFile, keyFile }: TlsFiles): Certificate {
  const cert = readPem('--cert', certFile);
  const key = readPem('--key', keyFile);
  const x509 = parsed(() => new X509Certificate(cert), '--cert', certFile, 'a certificate in PEM form', cert);
  const secret = parsed(() => createPrivateKey(key), '--key', keyFile, 'an unencrypted private key in PEM form', key);
  if (!x509.checkPrivateKey(secret))
    throw new MirrorError('ERR_CONFIG', `--key ${keyFile}: does not belong to the first certificate in ${certFile}`, {
      hint: 'give the key that the certificate was made for; the server’s own certificate comes first in the file',
    });
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new MirrorError('ERR_CONFIG', `--cert ${certFile}: cannot be used for TLS: ${messageOf(cause)}`, { cause });
  }
  return { cert, key };
}

/** Certificates are renewed while a server runs. A half-written pair is left alone until it fits. The result ends the watch. */
export function watchCertificate(server: Server, tls: TlsFiles, log: Log): () => void {
  const stamp = (): string =>
    [tls.certFile, tls.keyFile].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0).join();
  let known = stamp();
  let told = known;
  const timer = setInterval(() => {
    const now = stamp();
    if (now === known) return;
    try {
      server.setSecureContext(readCertificate(tls));
      known = told = now;
      log.info('certificate reloaded', { file: tls.certFile });
    } catch (error) {
      if (told !== now) log.warn('the new certificate cannot be used, the old one stays', { error: messageOf(error) });
      told = now;
    }
  }, CERTIFICATE_CHECK_MS).unref();
  return () => clearInterval(timer);
}

const CERTIFICATE_CHECK_MS = 60_000;

function readPem(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const why = systemCodeOf(cause) === 'ENOENT' ? 'file not found' : `cannot be read: ${messageOf(cause)}`;
    throw new MirrorError('ERR_CONFIG', `${flag} ${file}: ${why}`, { cause });
  }
}

function parsed<T>(parse: () => T, flag: string, file: string, expected: string, bytes: Buffer): T {
  try {
    return parse();
  } catch (cause) {
    const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(bytes.toString('latin1', 0, 65_536))?.[1];
    const found = label === undefined ? 'no PEM block' : label.toLowerCase();
    throw new MirrorError('ERR_CONFIG', `${flag} ${file}: expected ${expected}, found ${found}`, {
      cause,
      hint: 'a PEM block begins with -----BEGIN CERTIFICATE----- or -----BEGIN PRIVATE KEY-----',
    });
  }
}
