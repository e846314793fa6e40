import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { makeDirectory } from '@mirror/core/io';
import type { CliIo, CommandContext } from '@mirror/core/cli';
import { askSecret } from './cli-ask-secret.ts';
import { createSigningKey, loadSigningKey } from './sign.ts';
import type { SigningKey } from './sign.ts';

/** The flags that say which key signs. */
export interface KeyFlags {
  readonly gpgkey: string | undefined;
  readonly passphraseFile: string | undefined;
  readonly newKey: string | undefined;
}

/**
 * The key that signs: the one given, or one of our own, which is made at the first run and kept for the next ones in a file
 * that only the user can read. Where it is kept is logged.
 */
export async function signingKeyFor(
  { gpgkey, passphraseFile, newKey }: KeyFlags,
  { log, io }: CommandContext,
): Promise<SigningKey> {
  const passphrase = (file: string) => () => findPassphrase(file, passphraseFile, io);
  if (gpgkey !== undefined) return loadSigningKey(gpgkey, passphrase(gpgkey));
  const file = path.resolve(newKey ?? defaultKeyFile(io.env));
  if (existsSync(file)) {
    const key = await loadSigningKey(file, passphrase(file));
    log.info('signing with the key of an earlier run', { file, fingerprint: key.fingerprint });
    return key;
  }
  const key = await createSigningKey(`mirror-archive-hasher on ${os.hostname()}`);
  makeDirectory(path.dirname(file), 0o700);
  await writeFile(file, key.privateKey, { mode: 0o600, flag: 'wx', flush: true });
  await chmod(file, 0o600); // whatever the umask
  log.warn('made a new signing key; keep it safe, later runs use it', { file, fingerprint: key.fingerprint });
  return key;
}

async function findPassphrase(
  keyFile: string,
  passphraseFile: string | undefined,
  io: CliIo,
): Promise<string | undefined> {
  if (passphraseFile !== undefined) return firstLine(passphraseFile);
  const fromEnv = io.env['MIRROR_GPG_PASSPHRASE'];
  if (fromEnv !== undefined) return fromEnv;
  return io.stdin.isTTY === true ? askSecret(`Passphrase for ${keyFile}: `, io) : undefined;
}

async function firstLine(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
  } catch (cause) {
    throw new MirrorError('ERR_CONFIG', `cannot read the passphrase file ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** Where users keep settings: by the XDG rules, or as Windows says. */
function defaultKeyFile(env: CliIo['env']): string {
  const home = env['XDG_CONFIG_HOME'] ?? env['APPDATA'] ?? path.join(env['HOME'] ?? os.homedir(), '.config');
  return path.join(home, 'mirror', 'archive-hasher.key.asc');
}
