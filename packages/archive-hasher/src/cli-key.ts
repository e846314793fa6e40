import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MirrorError, messageOf } from '@mirror/core/errors';
import { createSigningKey, loadSigningKey } from '@mirror/core/evidence';
import type { SigningKey } from '@mirror/core/evidence';
import type { CliIo, CommandContext } from '@mirror/core/cli';
import { askSecret } from './cli-ask-secret.ts';
import { keepNewKey } from './keep-new-key.ts';
import { defaultKeyFile, keepOutside } from './key-place.ts';

/** The flags that say which key signs. */
export interface KeyFlags {
  readonly gpgkey: string | undefined;
  readonly passphraseFile: string | undefined;
  readonly newKey: string | undefined;
}

/**
 * The key that signs: the one given, or one of our own, which is made at the first run and kept for the next ones in a file
 * that only the user can read. Where it is kept is logged. Nothing secret may lie in the directory `dir`, if one is hashed.
 */
export async function signingKeyFor(
  flags: KeyFlags,
  dir: string | undefined,
  { log, io }: CommandContext,
): Promise<SigningKey> {
  const file = path.resolve(flags.gpgkey ?? ownKeyFile(flags, io.env));
  for (const secret of [file, flags.passphraseFile])
    if (secret !== undefined && dir !== undefined) keepOutside(dir, secret);
  const load = (): Promise<SigningKey> => loadSigningKey(file, () => findPassphrase(file, flags.passphraseFile, io));
  if (flags.gpgkey !== undefined) return load();
  const made = existsSync(file) ? undefined : await createSigningKey('mirror-archive-hasher');
  const kept = made && (await keepNewKey(file, made));
  if (made !== undefined && kept !== undefined) {
    const fields = { file, revocation: kept.revocation, fingerprint: made.fingerprint };
    log.warn('made a new signing key; keep it safe, later runs use it', fields);
    return made;
  }
  const key = await load();
  log.info('signing with the key of an earlier run', { file, fingerprint: key.fingerprint });
  return key;
}

/** The files that hold something secret, of those that are there. */
export function secretFiles(flags: KeyFlags, env: CliIo['env']): readonly string[] {
  const files = [flags.gpgkey ?? ownKeyFile(flags, env), flags.passphraseFile];
  return files.filter((file) => file !== undefined && existsSync(file)) as string[];
}

function ownKeyFile({ newKey }: KeyFlags, env: CliIo['env']): string {
  return newKey ?? defaultKeyFile(env);
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
