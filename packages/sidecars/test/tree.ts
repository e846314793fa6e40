import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** The plain files below `root` but for those in folders with a dot, as sorted relative paths. */
export function filesBelow(root: string): string[] {
  const found = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
  return found.filter((file) => !file.startsWith('.mirror')).sort();
}

/** The content of each file, by path. */
export function contentsBelow(root: string): Record<string, string> {
  return Object.fromEntries(filesBelow(root).map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));
}

/** What changes when a file is written again, by path: a rename gives it another inode. */
export function identitiesBelow(root: string): Record<string, string> {
  const identity = (file: string): string => {
    const { ino, mtimeMs } = lstatSync(path.join(root, file));
    return `${String(ino)} ${String(mtimeMs)}`;
  };
  return Object.fromEntries(filesBelow(root).map((file) => [file, identity(file)]));
}
