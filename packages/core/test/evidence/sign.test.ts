import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createSigningKey, loadSigningKey, verifySignedFile } from '../../dist/evidence/index.js';
import type { Signer } from '../../dist/evidence/index.js';

async function verifySignature(file: string, signature: string, key: string): Promise<Signer> {
  return (await verifySignedFile({ file, signatures: [signature], keys: [key] })).signer;
}

/** Run `use` with the gpg of a new, empty home. */
async function withGpg(
  use: (gpg: (...args: string[]) => { status: number | null; text: string; bytes: Buffer }) => void | Promise<void>,
): Promise<void> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'mgpg-')); // its sockets need a short path
  try {
    await use((...args) => {
      const { status, stdout, stderr } = spawnSync('gpg', [
        '--homedir',
        home,
        '--batch',
        '--no-tty',
        '--pinentry-mode',
        'loopback',
        ...args,
      ]);
      return { status, text: stderr.toString() + stdout.toString(), bytes: stdout };
    });
  } finally {
    spawnSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    rmSync(home, { recursive: true, force: true });
  }
}

async function signedFile(): Promise<{ file: string; signature: string; publicKey: string; fingerprint: string }> {
  const dir = scratchDir();
  const at = (name: string): string => path.join(dir, name);
  writeFileSync(at('x.toml'), 'a report\r\nwith two lines\n');
  const key = await createSigningKey('Test');
  writeFileSync(at('x.toml.asc'), await key.sign(at('x.toml')));
  writeFileSync(at('x.pub.asc'), key.publicKey);
  return { file: at('x.toml'), signature: at('x.toml.asc'), publicKey: at('x.pub.asc'), fingerprint: key.fingerprint };
}

itWith(['gpg'], 'gpg finds the signature of a new key good, and bad when the file was edited', async () => {
  const { file, signature, publicKey, fingerprint } = await signedFile();
  await withGpg((gpg) => {
    expect(gpg('--import', publicKey).status).toBe(0);
    const good = gpg('--verify', signature, file);
    expect(good).toMatchObject({ status: 0, text: expect.stringContaining('Good signature') as unknown });
    expect(good.text.replaceAll(' ', '').toLowerCase()).toContain(fingerprint);
    writeFileSync(file, 'another report\n');
    expect(gpg('--verify', signature, file)).toMatchObject({
      status: 1,
      text: expect.stringContaining('BAD signature') as unknown,
    });
  });
});

itWith(['sqv'], 'sqv finds the signature of a new key good, and none when the file was edited', async () => {
  const { file, signature, publicKey, fingerprint } = await signedFile();
  const verify = (): ReturnType<typeof spawnSync> =>
    spawnSync('sqv', ['--keyring', publicKey, signature, file], { encoding: 'utf8' });
  expect(verify()).toMatchObject({ status: 0, stdout: `${fingerprint.toUpperCase()}\n` });
  writeFileSync(file, 'another report\n');
  expect(verify().status).not.toBe(0);
});

const KINDS = [
  ['RSA', 'rsa2048', ''],
  ['RSA with a passphrase', 'rsa3072', 'two words'],
  ['Ed25519', 'ed25519', ''],
  ['NIST P-256', 'nistp256', ''],
  ['Brainpool P-256', 'brainpoolP256r1', ''],
  ['secp256k1', 'secp256k1', ''],
  ['Ed25519 with a passphrase', 'ed25519', 'pässwörd'],
] as const;
for (const [title, algorithm, passphrase] of KINDS) {
  itWith(
    ['gpg'],
    `a key that gpg made signs, armored, binary and by a subkey: ${title}`,
    async () => {
      const dir = scratchDir();
      const at = (name: string): string => path.join(dir, name);
      writeFileSync(at('file'), 'content\n');
      await withGpg(async (gpg) => {
        const secret = ['--passphrase', passphrase];
        expect(gpg(...secret, '--quick-gen-key', 'Me <me@example.com>', algorithm, 'cert,sign', '0').status).toBe(0);
        const [, fingerprint = ''] = /^fpr:+([0-9A-F]+)/m.exec(gpg('--with-colons', '--list-keys').text) ?? [];
        const hasSubkey = /^(rsa|ed)/.test(algorithm); // gpg 2.2 adds no other kinds by this command
        if (hasSubkey) expect(gpg(...secret, '--quick-add-key', fingerprint, algorithm, 'sign', '0').status).toBe(0);
        writeFileSync(at('public'), gpg('--export').bytes);
        for (const how of [
          ['--export-secret-keys'],
          ['--armor', '--export-secret-keys'],
          ...(hasSubkey ? [['--armor', '--export-secret-subkeys']] : []),
        ]) {
          writeFileSync(at('secret'), gpg(...secret, ...how).bytes);
          const key = await loadSigningKey(at('secret'), () => passphrase);
          expect(key.fingerprint).toBe(fingerprint.toLowerCase());
          writeFileSync(at('file.asc'), await key.sign(at('file')));
          expect(gpg('--verify', at('file.asc'), at('file'))).toMatchObject({
            status: 0,
            text: expect.stringContaining('Good signature') as unknown,
          });
          expect(await verifySignature(at('file'), at('file.asc'), at('public'))).toMatchObject({
            fingerprint: key.fingerprint,
          });
        }
        if (passphrase === '') return;
        await expect(loadSigningKey(at('secret'), () => 'wrong')).rejects.toHaveProperty('code', 'ERR_CONFIG');
        await expect(loadSigningKey(at('secret'), () => undefined)).rejects.toHaveProperty('code', 'ERR_CONFIG');
      });
    },
    240_000,
  ); // gpg looks for primes
}

itWith(['gpg'], 'a signature that gpg made, armored or binary, is good here too', async () => {
  const dir = scratchDir();
  const at = (name: string): string => path.join(dir, name);
  writeFileSync(at('file'), 'content\n');
  await withGpg(async (gpg) => {
    gpg('--passphrase', '', '--quick-gen-key', 'Me', 'ed25519', 'sign', '0');
    writeFileSync(at('public'), gpg('--export').bytes);
    for (const how of [['--detach-sign'], ['--armor', '--detach-sign']]) {
      expect(gpg('--yes', ...how, '--output', at('sig'), at('file')).status).toBe(0);
      expect((await verifySignature(at('file'), at('sig'), at('public'))).signedAt.getTime()).toBeGreaterThan(
        Date.now() - 3_600_000,
      );
    }
  });
});

it('a good signature says who signed and when', async () => {
  const { file, signature, publicKey, fingerprint } = await signedFile();
  const signer = await verifySignature(file, signature, publicKey);
  expect(signer.fingerprint).toBe(fingerprint);
  expect(Math.abs(signer.signedAt.getTime() - Date.now())).toBeLessThan(60_000);
});

it('an edited file, an edited signature, another key and no signature at all are all refused', async () => {
  const { file, signature, publicKey } = await signedFile();
  const other = await createSigningKey('Another');
  const refused = async (): Promise<void> => {
    await expect(verifySignature(file, signature, publicKey)).rejects.toHaveProperty('code', 'ERR_SIGNATURE');
  };
  const [text, armored, key] = [file, signature, publicKey].map((name) => readFileSync(name, 'utf8')) as [
    string,
    string,
    string,
  ];
  writeFileSync(file, text.replace('\r\n', '\n'));
  await refused();
  writeFileSync(file, text);
  writeFileSync(publicKey, other.publicKey);
  await refused();
  writeFileSync(publicKey, 'nonsense');
  await refused();
  writeFileSync(publicKey, key);
  writeFileSync(signature, await other.sign(file));
  await refused();
  writeFileSync(
    signature,
    armored.replace(/^[A-Za-z0-9+/]{20}/m, (start) => start.split('').reverse().join('')),
  );
  await refused();
  writeFileSync(signature, '');
  await refused();
  writeFileSync(signature, armored);
  await expect(verifySignature(file, signature, publicKey)).resolves.toBeDefined();
});

it('a new key is kept with its private part, and signs again when it is read', async () => {
  const { file, signature, publicKey } = await signedFile();
  const key = await createSigningKey('Kept');
  const kept = path.join(path.dirname(file), 'kept');
  writeFileSync(kept, key.privateKey);
  const again = await loadSigningKey(kept, () => undefined);
  expect(again.fingerprint).toBe(key.fingerprint);
  writeFileSync(signature, await again.sign(file));
  writeFileSync(publicKey, key.publicKey);
  expect((await verifySignature(file, signature, publicKey)).fingerprint).toBe(key.fingerprint);
});

it('what is not a private key is an error of configuration', async () => {
  const { publicKey, file } = await signedFile();
  await expect(loadSigningKey(publicKey, () => undefined)).rejects.toHaveProperty('code', 'ERR_CONFIG');
  await expect(loadSigningKey(file, () => undefined)).rejects.toHaveProperty('code', 'ERR_CONFIG');
});

it('signing and verifying do not hold the file in memory', () => {
  const dir = scratchDir();
  const program = `
    import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
    import { createSigningKey, verifySignedFile } from ${JSON.stringify(new URL('../../dist/evidence/index.js', import.meta.url).href)};
    const fd = openSync('big', 'w'); ftruncateSync(fd, 256 << 20); closeSync(fd);
    const key = await createSigningKey('x'); writeFileSync('pub', key.publicKey);
    const before = process.resourceUsage().maxRSS;
    writeFileSync('sig', await key.sign('big')); await verifySignedFile({ file: 'big', signatures: ['sig'], keys: ['pub'] });
    console.log(process.resourceUsage().maxRSS - before);`;
  const grown = Number(
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: dir, encoding: 'utf8' }),
  );
  expect(grown).toBeLessThan(128 << 10); // in KiB; the file has 256 MiB
});
