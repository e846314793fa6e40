import { describe, expect, it } from '@jest/globals';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { generateSidecars } from '../dist/index.js';
import { addMany } from './small-index.ts';
import { contentsBelow, filesBelow } from './tree.ts';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const MOMENTS = 10;
const FLAGS = ['--no-progress', '--concurrency', '1'];

/** To be called with a way to send signals: sends one as soon as `file` is there. By progress and not by the clock, so that slow machines are hit in the middle too. */
function signalWhenThere(file: string, signal: NodeJS.Signals): (kill: (signal: NodeJS.Signals) => void) => void {
  return (kill) => {
    const timer = setInterval(() => {
      if (!existsSync(file)) return;
      clearInterval(timer);
      kill(signal);
    }, 1);
    timer.unref();
  };
}

describe('mirror-sidecars that is killed', () => {
  it('leaves no half file at any of ten moments, and the next run completes it', async () => {
    const dir = scratchDir();
    const index = path.join(dir, 'index');
    const whole = path.join(dir, 'whole');
    const out = path.join(dir, 'out');
    addMany(index, 250, 10);
    await generateSidecars({ indexDir: index, out: whole, concurrency: 1 });
    const expected = contentsBelow(whole);
    const inOrder = Object.keys(expected);
    const run = (onSpawn?: ReturnType<typeof signalWhenThere>): ReturnType<typeof runBin> =>
      runBin(BIN, ['--index-dir', index, '--out', out, ...FLAGS], onSpawn === undefined ? {} : { onSpawn });
    let interrupted = 0;
    for (let moment = 0; moment < MOMENTS; moment++) {
      if (moment % 3 === 0) rmSync(out, { recursive: true, force: true }); // from the start, or on from where it stopped
      const file = inOrder[Math.floor((inOrder.length * (moment + 0.5)) / MOMENTS)] ?? '';
      await run(signalWhenThere(path.join(out, file), 'SIGKILL'));
      const found = contentsBelow(out);
      const named = Object.keys(found).filter((each) => !each.endsWith('.part'));
      for (const each of named) expect(found[each]).toBe(expected[each]);
      if (named.length < inOrder.length) interrupted += 1;
    }
    expect(interrupted).toBeGreaterThan(0);
    expect((await run()).status).toBe(0);
    expect(contentsBelow(out)).toEqual(expected);
  });

  it('stops at the first signal with whole files and status 143', async () => {
    const dir = scratchDir();
    const index = path.join(dir, 'index');
    const out = path.join(dir, 'out');
    addMany(index, 1000, 10);
    const onSpawn = signalWhenThere(path.join(out, 'a/a-/aa-crate-0-1.0.0.crate.json'), 'SIGTERM');
    const result = await runBin(BIN, ['--index-dir', index, '--out', out, ...FLAGS], { onSpawn });
    expect(result.status).toBe(143);
    const summary = JSON.parse(result.stdout) as { result: string; written: number };
    expect(summary.result).toBe('interrupted');
    expect(summary.written).toBeLessThan(10_000);
    expect(filesBelow(out)).toHaveLength(summary.written);
  });
});
