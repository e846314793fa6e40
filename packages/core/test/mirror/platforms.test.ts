import { describe, expect, it } from '@jest/globals';
import path from 'node:path';
import { layoutPath } from '../../dist/index.js';

// https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
const DEVICES = ['con', 'prn', 'aux', 'nul', ...[1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => [`com${n}`, `lpt${n}`])];
const isDevice = (part: string): boolean => DEVICES.includes((part.split('.')[0] ?? '').toLowerCase());

describe('paths on Windows', () => {
  it('the layout cargo has no name of a device in any path', () => {
    const parts = DEVICES.flatMap((name) => [name, name.toUpperCase()]).flatMap((name) =>
      layoutPath('cargo', name, '1.0.0').split('/'),
    );
    expect(parts.filter(isDevice)).toEqual([]);
  });

  it('the layout shard has one as a folder for crates of three characters, and for no others', () => {
    const found = DEVICES.filter((name) => layoutPath('shard', name, '1.0.0').split('/').some(isDevice));
    expect(found).toEqual(['con', 'prn', 'aux', 'nul']);
  });

  it('Node names files in the form that allows both devices as names and long paths', () => {
    const deep = path.win32.join('C:\\mirror', 'x'.repeat(200), layoutPath('shard', 'con', `1.0.0-${'a'.repeat(150)}`));
    expect(path.win32.toNamespacedPath(deep)).toBe(`\\\\?\\${deep}`);
  });

  it('no path has a character that Windows forbids', () => {
    for (const layout of ['shard', 'cargo'] as const)
      expect(layoutPath(layout, 'a-Z_9', '1.0.0-rc.1+build.5')).not.toMatch(/[<>:"|?*\\]/);
  });
});
