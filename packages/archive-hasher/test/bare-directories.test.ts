import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { watchDirectories } from '../dist/bare-directories.js';
import { comparePaths, isWithin } from '../dist/tree-path.js';

/** Trees of names that sort around the slash, and one that is not UTF-8. */
const name = fc.constantFrom('a', 'a!', 'a0', 'b', 'ü');
const filePath = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));

it('the directories that hold nothing, and only the innermost of them, are found', () => {
  fc.assert(
    fc.property(fc.array(filePath, { maxLength: 12 }), fc.array(filePath, { maxLength: 6 }), (dirs, files) => {
      const parents = (path: string): string[] =>
        path
          .split('/')
          .map((_, i, all) => all.slice(0, i).join('/'))
          .slice(1);
      const directories = new Set([...dirs, ...dirs.flatMap(parents), ...files.flatMap(parents)]);
      const held = files.filter((file) => !directories.has(file));
      const watch = watchDirectories();
      const keyOf = (path: string): string => (directories.has(path) ? `${path}/` : path);
      for (const path of [...directories, ...held].sort((a, b) => comparePaths(keyOf(a), keyOf(b)))) {
        if (directories.has(path)) watch.enter(path);
        else watch.hold(path);
      }
      const isBare = (dir: string): boolean => ![...directories, ...held].some((path) => isWithin(path, dir));
      expect([...watch.end()].sort(comparePaths)).toEqual([...directories].filter(isBare).sort(comparePaths));
    }),
  );
});

it('a path is within a directory by its bytes', () => {
  expect(isWithin('a/b', 'a')).toBe(true);
  expect(isWithin('a!/b', 'a')).toBe(false);
  expect(isWithin('//a/%FF', 'a')).toBe(true);
  expect(isWithin('//%FF/b', '//%FF')).toBe(true);
  expect(isWithin('//%FF', '//%FF')).toBe(false);
});
