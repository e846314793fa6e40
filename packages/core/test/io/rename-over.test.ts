import { describe, expect, it } from '@jest/globals';
import { renameOver } from '../../dist/io/rename-over.js';
import type { RenameWorld } from '../../dist/io/rename-over.js';

/** A world in which a rename fails `failures` times with `code`. */
function worldOf(
  platform: NodeJS.Platform,
  code: string,
  failures: number,
): RenameWorld & { pauses: number[]; tries: number } {
  const world = {
    platform,
    pauses: [] as number[],
    tries: 0,
    rename: (): void => {
      world.tries += 1;
      if (world.tries <= failures) throw Object.assign(new Error(code), { code });
    },
    pause: (ms: number): void => void world.pauses.push(ms),
  };
  return world;
}

describe('renameOver', () => {
  it.each(['EPERM', 'EACCES', 'EBUSY'])('waits on Windows for a file that is held open: %s', (code) => {
    const world = worldOf('win32', code, 4);
    renameOver('a', 'b', world);
    expect(world.pauses).toEqual([10, 20, 40, 80]);
  });

  it('gives up after some three seconds, with the error', () => {
    const world = worldOf('win32', 'EBUSY', Infinity);
    expect(() => renameOver('a', 'b', world)).toThrow('EBUSY');
    const waited = world.pauses.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThan(2_000);
    expect(waited).toBeLessThan(4_000);
  });

  it.each([
    ['win32', 'ENOSPC'],
    ['win32', 'ENOENT'],
    ['linux', 'EPERM'],
    ['darwin', 'EBUSY'],
  ] as const)('does not wait on %s for %s', (platform, code) => {
    const world = worldOf(platform, code, 1);
    expect(() => renameOver('a', 'b', world)).toThrow(code);
    expect(world.tries).toBe(1);
  });
});
