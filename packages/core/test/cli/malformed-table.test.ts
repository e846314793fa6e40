import { describe, expect, it } from '@jest/globals';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const binOf = (tool: string): string => fileURLToPath(new URL(`../../../${tool}/dist/bin.js`, import.meta.url));

/** An index with one crate whose file is in `out`, and what of it cannot be read. */
function place(): { readonly dir: string; readonly index: string; readonly out: string } {
  const dir = scratchDir();
  const [index, out] = [path.join(dir, 'index'), path.join(dir, 'out')];
  const cksum = createHash('sha256').update('bytes').digest('hex');
  const line = (name: string): string =>
    `${JSON.stringify({ name, vers: '1.0.0', deps: [], cksum, features: {}, yanked: false })}\n`;
  for (const folder of [path.join(index, 'go/od'), path.join(index, 'In/fl'), path.join(out, 'g/oo')])
    mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(index, 'config.json'), '{"dl":"http://127.0.0.1:9/crates"}');
  writeFileSync(path.join(index, 'go/od/good'), `${line('good')}{"name":"good","vers":"1.0.1"\n`);
  writeFileSync(path.join(index, 'In/fl/Inflector'), line('Inflector'));
  writeFileSync(path.join(out, 'g/oo/good-1.0.0.crate'), 'bytes');
  return { dir, index, out };
}

const COMMANDS: readonly (readonly [string, string, readonly string[], (dir: string) => readonly string[]])[] = [
  ['plan', 'downloader', ['plan'], () => []],
  ['verify', 'downloader', ['verify'], () => []],
  ['a set', 'downloader', ['export'], (dir) => ['--to', path.join(dir, 'set')]],
  ['sidecars', 'sidecars', [], () => []],
  ['a static tree', 'server', ['export'], (dir) => [path.join(dir, 'tree')]],
];

describe.each(COMMANDS)('%s', (_, tool, command, more) => {
  it('tells of each line that cannot be read and of each file out of place, and is not complete', async () => {
    const { dir, index, out } = place();
    const mirror = tool === 'server' ? '--root' : '--out';
    const args = [...command, '--index-dir', index, mirror, out, '--progress=false', ...more(dir)];
    const { status, stdout, stderr } = await runBin(binOf(tool), args);
    expect(stderr).toContain('go/od/good:2: expected a JSON object');
    expect(stderr).toContain('In/fl/Inflector: lines of an index out of place, expected at in/fl/inflector');
    expect(JSON.parse(stdout)).toMatchObject({ malformed: 2 });
    expect(stdout).not.toMatch(/"result":"(?:complete|intact)"/);
    expect(status).toBe(3);
  });
});
