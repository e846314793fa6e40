import { isObjectId, readRef } from '@mirror/core/git';
import { ifThere } from '@mirror/core/errors';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/**
 * The objects that any ref of the repository names: HEAD, those of linked work trees, loose refs, packed refs; reflogs left aside.
 * Each once.
 */
export function allRefs(gitDir: string): string[] {
  const found = new Set<string>();
  const add = (id: string | undefined): void => {
    if (id !== undefined) found.add(id);
  };
  add(readRef(gitDir, 'HEAD'));
  for (const name of ifThere(() => readdirSync(path.join(gitDir, 'worktrees'))) ?? [])
    add(readRef(path.join(gitDir, 'worktrees', name), 'HEAD'));
  const visit = (folder: string): void => {
    for (const entry of readdirSync(path.join(gitDir, folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(name);
      else if (!name.endsWith('.lock')) add(readRef(gitDir, name));
    }
  };
  visit('refs');
  const packed = path.join(gitDir, 'packed-refs');
  const lines = existsSync(packed) ? readFileSync(packed, 'utf8').split('\n') : [];
  for (const line of lines) add([line.slice(0, 40), line.slice(1, 41)].find(isObjectId));
  return [...found];
}
