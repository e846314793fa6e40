import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { parseCrateUrl } from '@mirror/core/registry';
import type { CrateJob } from '../fetch/crate-job.ts';

/**
 * A few files that the end of a manifest says were downloaded, and that are there: what a mirror holds when the source of a run names none of it. Only those
 * that came from where an absent one was looked for: what another address gives says nothing of this one. They are asked for with the same credentials.
 *
 * @param manifest - undefined when there is none
 */
export async function recordedFiles(
  manifest: string | undefined,
  root: string,
  { urls, credentials }: Pick<CrateJob, 'urls' | 'credentials'>,
): Promise<readonly CrateJob[]> {
  if (manifest === undefined || !existsSync(manifest)) return [];
  const found = new Map<string, CrateJob>();
  const bases = new Set(urls.map(baseOf));
  for (const line of (await tailOf(manifest)).split('\n').reverse()) {
    const job = jobOf(line);
    if (job === undefined || !job.urls.some((url) => bases.has(baseOf(url)))) continue;
    if (existsSync(path.join(root, job.path))) found.set(job.path, { ...job, credentials });
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

/** The base URL of a crate file at one of crates.io's kind; of any other address its origin. */
function baseOf(url: string): string {
  return parseCrateUrl(url) === undefined ? new URL(url).origin : url.split('/').slice(0, -2).join('/');
}

function jobOf(line: string): CrateJob | undefined {
  if (!line.includes('"status":"downloaded"')) return undefined;
  try {
    const { url, path: file } = JSON.parse(line) as { readonly url?: unknown; readonly path?: unknown };
    if (typeof url !== 'string' || !URL.canParse(url) || typeof file !== 'string') return undefined;
    return { urls: [url], path: file, sha256: undefined, name: undefined, vers: undefined };
  } catch {
    return undefined; // the tail may begin within a line
  }
}

const TAIL_BYTES = 256 << 10;
const ENOUGH = 3;
