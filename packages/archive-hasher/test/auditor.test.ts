import { expect, it } from '@jest/globals';
import { itWith, runBin, scratchDir } from '@mirror-tools/test-support';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const guide = readFileSync(new URL('../../../docs/guides/evidence.md', import.meta.url), 'utf8');

/** What the guide tells an auditor to type, in order. */
function auditorsCommands(): string {
  const section = guide.slice(
    guide.indexOf('### An auditor who has only gpg and coreutils'),
    guide.indexOf('### Several signers'),
  );
  const blocks = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block);
  expect(blocks.length).toBeGreaterThan(2);
  return blocks.join('');
}

const TOOLS = ['gpg', 'gpg-agent', 'sha256sum', 'tail', 'head', 'du', 'cut', 'sort', 'comm', 'test'];

itWith(
  [...TOOLS.filter((tool) => tool !== 'gpg-agent'), 'sh', 'gpgconf'],
  'a machine that has only gpg and coreutils comes to the same answer, from making the key on',
  async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'maud-')); // the sockets of gpg need a short path
    try {
      mkdirSync(path.join(dir, 'mirror', 's', 'er'), { recursive: true });
      mkdirSync(path.join(dir, 'mirror', '.mirror'));
      const names = ['s/er/serde-1.0.0.crate', '-dash', 'a b', 'ünï', '.hidden', '.mirror/state'];
      for (const name of names) writeFileSync(path.join(dir, 'mirror', name), `content of ${name}`);
      const env = { HOME: dir, XDG_CONFIG_HOME: path.join(dir, 'settings') };
      const made = await runBin(bin, ['--dir', 'mirror', '--archive', 'none'], { cwd: dir, env });
      expect(made).toMatchObject({ status: 0 });
      const fingerprint = /^fingerprint = "(.*)"$/m.exec(readFileSync(path.join(dir, 'mirror.toml'), 'utf8'))![1]!;

      const tools = path.join(dir, 'tools');
      mkdirSync(tools);
      for (const tool of TOOLS)
        symlinkSync(
          execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(),
          path.join(tools, tool),
        );
      mkdirSync(path.join(dir, 'keyring'));
      chmodSync(path.join(dir, 'keyring'), 0o700);
      const audit = (): { status: number | null; text: string } => {
        const sh = execFileSync('sh', ['-c', 'command -v sh'], { encoding: 'utf8' }).trim();
        const { status, stdout, stderr } = spawnSync(sh, ['-ec', auditorsCommands()], {
          cwd: dir,
          env: { PATH: tools },
          encoding: 'utf8',
        });
        return { status, text: stdout + stderr };
      };
      const honest = audit();
      expect(honest).toMatchObject({ status: 0 });
      expect(honest.text.replaceAll(' ', '').toLowerCase()).toContain(`primarykeyfingerprint:${fingerprint}`);
      const listed = execFileSync('sha256sum', ['mirror.sha256'], { cwd: dir, encoding: 'utf8' }).slice(0, 64);
      expect(honest.text).toContain(`sha256 = "${listed}"`);

      writeFileSync(path.join(dir, 'mirror', 'added'), '');
      expect(audit().status).not.toBe(0);
      rmSync(path.join(dir, 'mirror', 'added'));
      appendFileSync(path.join(dir, 'mirror', '-dash'), '!');
      expect(audit().status).not.toBe(0);
      writeFileSync(path.join(dir, 'mirror', '-dash'), 'content of -dash');
      appendFileSync(path.join(dir, 'mirror.toml'), '\n');
      expect(audit().status).not.toBe(0);
    } finally {
      spawnSync('gpgconf', ['--homedir', path.join(dir, 'keyring'), '--kill', 'gpg-agent']);
      rmSync(dir, { recursive: true, force: true });
    }
  },
);

/** What xxhsum reads of a listing are plain names; the others know the escapes of coreutils. */
const STOCK: readonly (readonly [readonly string[], Readonly<Record<string, string>>])[] = [
  [['-', '--check', 'plain', 'a b', 'ünï'], { xxhsum: 'xxhash64', sha256sum: 'sha256', b3sum: 'blake3' }],
  [['back\\slash', 'two\nlines'], { sha256sum: 'sha256', sha512sum: 'sha512', b2sum: 'blake2b', b3sum: 'blake3' }],
];
for (const [names, programs] of STOCK) {
  itWith(
    Object.keys(programs),
    `${Object.keys(programs).join(', ')} accept their listings of ${names.join()}`,
    async () => {
      const dir = scratchDir();
      mkdirSync(path.join(dir, 'tree'));
      for (const name of names) writeFileSync(path.join(dir, 'tree', name), `content of ${name}`);
      const listings = Object.values(programs).join();
      const args = [
        '--dir',
        'tree',
        '--no-sign',
        '--archive',
        'none',
        '--algorithms',
        listings,
        '--listings',
        listings,
      ];
      expect(await runBin(bin, args, { cwd: dir })).toMatchObject({ status: 0 });
      for (const [program, name] of Object.entries(programs)) {
        const { status, stderr } = spawnSync(program, ['-c', `../tree.${name}`], {
          cwd: path.join(dir, 'tree'),
          encoding: 'utf8',
        });
        expect([program, status, stderr]).toEqual([program, 0, '']);
      }
    },
  );
}

it('a listing of an algorithm that does not hash here is refused', async () => {
  const dir = scratchDir();
  mkdirSync(path.join(dir, 'tree'));
  const refused = await runBin(bin, ['--dir', 'tree', '--no-sign', '--algorithms', 'xxh3', '--listings', 'sha256'], {
    cwd: dir,
  });
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('not among the algorithms') });
});
