import { parseCrateFileName } from '@mirror/core';
import type { CrateId } from '@mirror/core';
import { textAnswer } from '../http/answer.ts';
import type { Answer, Body } from '../http/answer.ts';
import type { AppCall } from './app.ts';

/**
 * The version whose file a path asks for: `crates/{name}/{version}/download`, the same below `api/v1`, and
 * `crates/{name}/{name}-{version}.crate` as static.crates.io has it, so that a mirror can be mirrored.
 */
export function crateAskedFor(parts: readonly string[]): CrateId | undefined {
  const [crates, name, vers, download, ...more] = parts[0] === 'api' && parts[1] === 'v1' ? parts.slice(2) : parts;
  if (crates !== 'crates' || name === undefined || vers === undefined || more.length > 0) return undefined;
  if (download === 'download') return { name, vers };
  const file = download === undefined ? parseCrateFileName(vers) : undefined;
  return file?.name === name ? file : undefined;
}

/** The file of a version that is shown; 404 when the version is hidden or unknown, or its file is missing. */
export async function answerCrateFile({ context }: AppCall, { name, vers }: CrateId): Promise<Answer> {
  const { index, crates } = context.mirror;
  const entry = await index.version(name, vers);
  if (entry?.name !== name) return textAnswer('crate', 404, 'no such version in this mirror\n');
  const body = await crates.find(entry);
  if (body === undefined) return textAnswer('crate', 404, `this mirror has no file of ${name} ${vers}\n`);
  const known = answers.get(body);
  if (known?.digest === entry.cksum) return known;
  const answer: Answer = { route: 'crate', status: 200, headers: CRATE_HEADERS, body, digest: entry.cksum };
  answers.set(body, answer);
  return answer;
}

/** As long as a file is kept in memory, its answer is too, and all that is made from it. */
const answers = new WeakMap<Body, Answer>();

const CRATE_HEADERS = { 'content-type': 'application/gzip', 'cache-control': 'public, max-age=31536000, immutable' };
