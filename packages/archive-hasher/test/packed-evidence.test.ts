import { expect, it } from '@jest/globals';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSigningKey, readTrustedKeys } from '@mirror/core/evidence';
import { verifyPacked } from '../dist/index.js';
import type { Difference } from '../dist/index.js';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

for (const kind of ['zip', 'tar']) {
  it(`verify --archive checks a ${kind}, and the signature that lies beside it`, async () => {
    const dir = scratchDir();
    const at = (name: string): string => path.join(dir, name);
    mkdirSync(at('tree/deep/er'), { recursive: true });
    mkdirSync(at('tree/empty'));
    for (const name of ['a', 'deep/er/x', 'é', 'n'.repeat(150)])
      writeFileSync(path.join(dir, 'tree', name), `content of ${name}`);
    symlinkSync('//a', at('tree/link'));
    const run = (...args: string[]): ReturnType<typeof runBin> =>
      runBin(bin, args, { cwd: dir, env: { XDG_CONFIG_HOME: at('home') } });
    const hash = ['--dir', 'tree', '--algorithms', 'sha256', '--hash-workers', '1', '--archive'];
    expect(await run(...hash, kind)).toMatchObject({ status: 0 });
    const archive = `tree.${kind}`;
    const ofCommand = await run('verify', '--archive', archive, '--trusted-key', 'tree.pub.asc');
    expect(ofCommand).toMatchObject({ status: 0, stdout: expect.stringContaining('"verified":4') });
    copyFileSync(at(archive), at(`alone.${kind}`));
    expect(await run('verify', '--archive', `alone.${kind}`)).toMatchObject({ status: 8 });

    const trusted = await readTrustedKeys([at('tree.pub.asc')]);
    const verify = async (name: string, publicKey?: string): Promise<Difference[]> => {
      const found: Difference[] = [];
      await verifyPacked({ archive: at(name), trusted, publicKey, onDifference: (each) => void found.push(each) });
      return found;
    };
    const bytes = readFileSync(at(archive));
    bytes[bytes.indexOf('content of a')]! ^= 1;
    writeFileSync(at(`changed.${kind}`), bytes);
    expect(await verify(`changed.${kind}`)).toMatchObject([{ change: 'changed', path: 'a', what: 'sha256' }]);

    const signature = at(`${archive}.asc`);
    const good = readFileSync(signature, 'utf8');
    const stranger = await createSigningKey('Stranger');
    writeFileSync(at('keys.asc'), readFileSync(at('tree.pub.asc'), 'utf8') + stranger.publicKey);
    const wrong = ['junk', readFileSync(at('tree.toml.asc'), 'utf8'), await stranger.sign(at(archive))];
    for (const each of wrong) {
      writeFileSync(signature, each);
      const refused = { code: 'ERR_SIGNATURE', message: expect.stringContaining(`${archive}.asc`) };
      await expect(verify(archive)).rejects.toMatchObject(refused);
      await expect(verify(archive, at('keys.asc'))).rejects.toMatchObject(refused);
    }
    writeFileSync(signature, good);
    expect(await verify(archive)).toEqual([]);

    // an archive that another run has made is evidence of its own: it stays with its signature, and that is said
    writeFileSync(at('tree/a'), 'new');
    const without = await run(...hash, 'none', '--replace');
    expect(without).toMatchObject({ status: 0, stderr: expect.stringContaining('is of an earlier run') });
    expect(existsSync(signature)).toBe(true);
    expect(await verify(archive)).toEqual([]);
    unlinkSync(signature);
    expect(await verify(archive)).toEqual([]);
  });
}
