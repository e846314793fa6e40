import { afterEach } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A new empty folder that is removed after the running test. */
export function scratchDir(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'mirror-'));
  scratch.add(dir);
  return dir;
}

const scratch = new Set<string>();

afterEach(() => {
  for (const dir of scratch) rmSync(dir, { recursive: true, force: true });
  scratch.clear();
});
