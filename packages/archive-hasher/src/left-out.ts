import { createRequire } from 'node:module';
import type Picomatch from 'picomatch';
import { MirrorError } from '@mirror/core/errors';
import type { TreePath } from './tree-path.ts';

/**
 * What is left out of every inventory: the state that the mirror tools keep beside what they mirror, which changes with each of their runs.
 * The report names these patterns like any other that was given.
 */
export const OWN_STATE: readonly string[] = ['.mirror', '.mirror-index-sync', '.*.mirror-{lock,new,work}*'];

/**
 * Whether a path is left out by one of the patterns. One without a slash means names anywhere in the tree, another one paths from its top; `*` and `?`
 * do not cross a slash, `**` does. With a directory all that is in it is left out.
 *
 * @throws {MirrorError} ERR_USAGE for a pattern that leads out of the tree or is empty
 */
export function leftOutBy(patterns: readonly string[]): (path: TreePath) => boolean {
  const matchers = patterns.map((pattern) => {
    const bare = pattern.replace(/^\/|\/$/g, '');
    if (bare === '' || bare.split('/').includes('..'))
      throw new MirrorError('ERR_USAGE', `${JSON.stringify(pattern)} is no pattern of paths in the directory`);
    const anywhere = !pattern.replace(/\/$/, '').includes('/');
    return { anywhere, matches: picomatch(bare, { dot: true, nonegate: true }) };
  });
  return (path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return matchers.some(({ anywhere, matches }) => matches(anywhere ? name : path));
  };
}

// as a module of CommonJS, so that it is loaded at once
const picomatch = createRequire(import.meta.url)('picomatch') as typeof Picomatch;
