import path from 'node:path';
import { scratchDir } from '@mirror-tools/test-support';
import { describe, expect, it } from '@jest/globals';
import { parseCost, runCommands } from '../dist/run-command.js';

describe('parseCost', () => {
  it('reads user and system seconds and KiB', () => {
    expect(parseCost('1.25 0.50 2048\n')).toEqual({ cpu: 1.75, rss: 2 * 2 ** 20 });
  });

  it('reads the last line of what the shell says, which is about the children', () => {
    expect(parseCost('0m0.010s 0m0.020s\n1m2.500s 0m0.250s\n')).toEqual({ cpu: 62.75, rss: undefined });
  });

  it('refuses anything else', () => {
    expect(() => parseCost('command not found')).toThrow('cannot read');
  });
});

describe('runCommands', () => {
  const options = () => ({ reportFile: path.join(scratchDir(), 'cost'), limitMs: 30_000 });

  it('adds the costs of commands that follow each other', async () => {
    const burn = [
      process.execPath,
      '-e',
      'const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end);',
    ];
    const { cpu, wall } = await runCommands([burn, burn] as never, options());
    expect(cpu).toBeGreaterThan(0.5);
    expect(wall).toBeGreaterThan(0.5);
  });

  it('a command that fails is an error with its complaint', async () => {
    const failing = ['sh', '-c', 'echo no such thing >&2; exit 3'] as const;
    await expect(runCommands([failing], options())).rejects.toThrow(/ended with 3: no such thing/);
  });

  it('a command that takes too long is ended, with what it started', async () => {
    const slow = ['sh', '-c', 'sleep 60 & wait'] as const;
    await expect(runCommands([slow], { ...options(), limitMs: 200 })).rejects.toThrow(/SIGKILL after 200 ms/);
  });
});
