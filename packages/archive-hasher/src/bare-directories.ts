import { isWithin } from './tree-path.ts';
import type { TreePath } from './tree-path.ts';

/** Finds the directories that an archive must name, since nothing else in it lies in them. */
export interface BareDirectories {
  /** A directory comes; what is in it follows at once. */
  enter(path: TreePath): void;
  /** Something comes that will be in the archive. */
  hold(path: TreePath): void;
  /** The directories, after the last path. */
  end(): readonly TreePath[];
}

/** Paths must come in path order. A directory is bare when it is empty, or all that is in it is left out; of bare ones within each other, the innermost. */
export function watchDirectories(): BareDirectories {
  const open: { readonly path: TreePath; isHeld: boolean }[] = [];
  const bare: TreePath[] = [];

  function leave(): void {
    const left = open.pop();
    if (left?.isHeld === false) bare.push(left.path);
    const around = open.at(-1);
    if (around !== undefined) around.isHeld = true; // by what was held in the one that was left, or by its own name
  }

  function goTo(path: TreePath): void {
    for (let top = open.at(-1); top !== undefined && !isWithin(path, top.path); top = open.at(-1)) leave();
  }

  return {
    enter(path) {
      goTo(path);
      open.push({ path, isHeld: false });
    },
    hold(path) {
      goTo(path);
      const top = open.at(-1);
      if (top !== undefined) top.isHeld = true;
    },
    end() {
      while (open.length > 0) leave();
      return bare;
    },
  };
}
