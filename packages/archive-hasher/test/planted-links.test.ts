import { expect, it } from '@jest/globals';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

/** Every name that a run writes or that one may guess. */
const NAMES = [
  ...['tree.toml', 'tree.toml.asc', 'tree.pub.asc', 'tree.zip', 'tree.zip.asc', 'tree.sha256'],
  ...['tree.toml.part', 'tree.zip.part', 'tree.lock', '.tree.mirror-lock', '.tree.mirror-new', '.tree.mirror-work-'],
];

for (const [title, target] of [
  ['another file', 'file'],
  ['a file that is not there', 'absent'],
  ['a directory', 'folder'],
] as const) {
  it(`a link to ${title} at the name of an output is never written through`, async () => {
    const dir = scratchDir();
    mkdirSync(path.join(dir, 'tree'));
    mkdirSync(path.join(dir, 'out'));
    mkdirSync(path.join(dir, 'victim', 'folder'), { recursive: true });
    writeFileSync(path.join(dir, 'tree', 'a'), 'a');
    writeFileSync(path.join(dir, 'victim', 'file'), 'precious');
    const env = { XDG_CONFIG_HOME: path.join(dir, 'home') };
    for (const name of NAMES) {
      const link = path.join(dir, 'out', name);
      symlinkSync(path.join(dir, 'victim', target), link);
      for (const more of [[], ['--replace']]) {
        const args = ['--dir', 'tree', '--out-dir', 'out', '--algorithms', 'sha256', '--hash-workers', '1', ...more];
        const { status, stderr } = await runBin(bin, args, { cwd: dir, env });
        expect([name, status, stderr]).toEqual([
          name,
          expect.any(Number),
          expect.not.stringContaining('this is a bug'),
        ]);
        expect(readFileSync(path.join(dir, 'victim', 'file'), 'utf8')).toBe('precious');
        expect(readdirSync(path.join(dir, 'victim'))).toEqual(['file', 'folder']);
        expect(readdirSync(path.join(dir, 'victim', 'folder'))).toEqual([]);
        if (status === 0) continue; // the name is none of ours
        expect([name, lstatSync(link).isSymbolicLink()]).toEqual([name, true]);
        expect(readdirSync(path.join(dir, 'out')).filter((each) => each !== name)).toEqual([]);
      }
      unlinkSync(link);
      for (const each of readdirSync(path.join(dir, 'out'))) unlinkSync(path.join(dir, 'out', each));
    }
  }, 240_000);
}
