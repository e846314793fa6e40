import { describe, expect, it } from '@jest/globals';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

describe('the index-generator command', () => {
  it('writes an index, then changes it, each with its counts on stdout', async () => {
    const dir = scratchDir();
    const [out, changes] = [path.join(dir, 'index'), path.join(dir, 'changes.jsonl')];
    const made = await runBin(BIN, ['--out', out, '--crates', '50', '--seed', 'cli']);
    expect([made.status, made.stderr]).toEqual([0, '']);
    expect(JSON.parse(made.stdout)).toMatchObject({ schema_version: 1, seed: 'cli', crates: 50 });
    const changed = await runBin(BIN, ['--out', out, '--mutate', '20', '--changes', changes]);
    expect([changed.status, changed.stderr]).toEqual([0, '']);
    expect(JSON.parse(changed.stdout)).toMatchObject({ changes: 20 });
    expect(readFileSync(changes, 'utf8').trim().split('\n')).toHaveLength(20);
  });

  it.each([
    [[], '--out is needed'],
    [['--out', 'x', '--crates', 'many'], '--crates: expected a number'],
    [['--out', 'x', '--mutate', '5'], '--changes is needed'],
    [['--nonsense'], 'nonsense'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, stdout, stderr } = await runBin(BIN, args, { cwd: scratchDir() });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});
