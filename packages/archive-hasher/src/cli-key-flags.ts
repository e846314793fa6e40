import { flag } from '@mirror/core/cli';

/** Flags that say which key signs. */
export const keyFlags = {
  gpgkey: flag.string({
    value: 'FILE',
    describe: 'private OpenPGP key that signs, armored or binary; default a new one, kept in --new-key',
  }),
  'passphrase-file': flag.string({
    value: 'FILE',
    describe:
      'its first line opens the key; or MIRROR_GPG_PASSPHRASE in the environment; or you are asked on a terminal',
  }),
  'new-key': flag.string({
    value: 'FILE',
    describe:
      'where a key without --gpgkey is made once and used again; default mirror/archive-hasher.key.asc where the user keeps settings',
  }),
};
