import { realpathSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MirrorError, ifThere } from '@mirror/core/errors';

/**
 * Where a key of our own is kept when the user does not say it: where users keep settings, by the XDG rules or as Windows says. A variable that is
 * empty or holds a relative path counts as not set, as those rules say: else the key would land in the working directory.
 *
 * @throws {MirrorError} ERR_CONFIG when no home directory is known
 */
export function defaultKeyFile(env: Readonly<Record<string, string | undefined>>): string {
  const settings = [env['XDG_CONFIG_HOME'], env['APPDATA']].find(isAbsolute);
  if (settings !== undefined) return path.join(settings, ...NAME);
  const home = [env['HOME'], homeOfUser()].find(isAbsolute);
  if (home !== undefined) return path.join(home, '.config', ...NAME);
  throw new MirrorError('ERR_CONFIG', 'there is no place for a new key: no home directory is known', {
    hint: 'say where it is kept by --new-key, or give a key by --gpgkey',
  });
}

/**
 * Make sure that a secret does not lie in the directory that is hashed, by its own name or by that of the folder it really is in.
 *
 * @throws {MirrorError} ERR_USAGE when it does
 */
export function keepOutside(dir: string, secret: string): void {
  const root = realpathSync(dir);
  for (const file of [realPathOf(secret), path.resolve(secret)]) {
    const relative = path.relative(root, file);
    if (relative.split(path.sep)[0] === '..' || path.isAbsolute(relative)) continue;
    throw new MirrorError('ERR_USAGE', `${secret} lies in ${dir}, which would be published with it`, {
      hint: 'keep keys and passphrases elsewhere: --new-key says where a new key goes',
    });
  }
}

/** The real path of a file; where it is not there yet, of the nearest folder above it that is. */
function realPathOf(file: string): string {
  const whole = path.resolve(file);
  if (ifThere(() => statSync(whole)) !== undefined) return realpathSync(whole);
  const parent = path.dirname(whole);
  return parent === whole ? whole : path.join(realPathOf(parent), path.basename(whole));
}

function isAbsolute(folder: string | undefined): folder is string {
  return folder !== undefined && path.isAbsolute(folder);
}

/** As the system's list of users says. */
function homeOfUser(): string | undefined {
  try {
    return os.userInfo().homedir;
  } catch {
    return undefined;
  }
}

const NAME = ['mirror', 'archive-hasher.key.asc'];
