import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { CrateJob } from '../fetch/crate-job.ts';

/**
 * A few files that the end of a manifest says were downloaded, and that are there: what a mirror holds when the source of a run names none of it.
 *
 * @param manifest - undefined when there is none
 */
export async function recordedFiles(manifest: string | undefined, root: string): Promise<readonly CrateJob[]> {
  if (manifest === undefined || !existsSync(manifest)) return [];
  const found = new Map<string, CrateJob>();
  for (const line of (await tailOf(manifest)).split('\n').reverse()) {
    const job = jobOf(line);
    if (job !== undefined && existsSync(path.join(root, job.path))) found.set(job.path, job);
    if (found.size >= ENOUGH) break;
  }
  return [...found.values()];
}

async function tailOf(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - start);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
    return bytes.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function jobOf(line: string): CrateJob | undefined {
  if (!line.includes('"status":"downloaded"')) return undefined;
  try {
    const { url, path: file } = JSON.parse(line) as { readonly url?: unknown; readonly path?: unknown };
    if (typeof url !== 'string' || typeof file !== 'string') return undefined;
    return { urls: [url], path: file, sha256: undefined, name: undefined, vers: undefined };
  } catch {
    return undefined; // the tail may begin within a line
  }
}

const TAIL_BYTES = 256 << 10;
const ENOUGH = 3;
