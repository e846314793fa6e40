import { jsonAnswer } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import { newestFirst, newestOf } from '../registry/newest-version.ts';
import type { AppCall } from './app.ts';
import { MAX_PER_PAGE, findCrates } from './find-crates.ts';

/**
 * The part of the registry API that reads: `/api/v1/crates?q=` as `cargo search` asks, and `/api/v1/crates/{name}`.
 *
 * @see https://doc.rust-lang.org/cargo/reference/registry-web-api.html
 */
export async function answerApi(call: AppCall): Promise<Answer> {
  const [, version, what, name, ...more] = call.target.parts;
  if (version !== 'v1' || what !== 'crates' || name === 'new' || more.length > 0)
    return apiError(
      404,
      'this mirror answers searches and questions about crates only; it has no accounts and no owners',
    );
  return name === undefined ? search(call) : oneCrate(call, name);
}

async function search({ context, target }: AppCall): Promise<Answer> {
  const query = target.query.get('q') ?? '';
  const limit = wholeNumber(target.query.get('per_page'), 10, MAX_PER_PAGE);
  const page = wholeNumber(target.query.get('page'), 1, 10_000);
  const found = await findCrates(context, query, { offset: (page - 1) * limit, limit });
  if (found === 'counting') return apiError(503, 'the names are still being read, try again in a moment', RETRY);
  if (found === 'busy') return apiError(503, 'too many searches at once, try again in a moment', RETRY);
  const crates = found.crates.map(({ name, newest }) => ({ id: name, name, max_version: newest, description: null }));
  return jsonAnswer('api', 200, { crates, meta: { total: found.total } });
}

async function oneCrate({ context }: AppCall, name: string): Promise<Answer> {
  const entries = await context.mirror.index.versions(name);
  const newest = newestOf(entries);
  if (newest === undefined) return apiError(404, 'no such crate in this mirror');
  const versions = newestFirst(entries).map(({ vers, cksum, yanked, pubtime }) => ({
    num: vers,
    dl_path: `/api/v1/crates/${newest.name}/${encodeURIComponent(vers)}/download`,
    checksum: cksum,
    yanked,
    created_at: pubtime ?? null,
  }));
  return jsonAnswer('api', 200, {
    crate: { id: newest.name, name: newest.name, max_version: newest.vers, description: null },
    versions,
  });
}

/** A refusal in the form of which cargo prints the sentence. */
export function apiError(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return jsonAnswer('api', status, { errors: [{ detail }] }, headers);
}

const RETRY = { 'retry-after': '1' };

function wholeNumber(text: string | null, usual: number, most: number): number {
  return text !== null && /^\d{1,6}$/.test(text) ? Math.min(Math.max(1, Number(text)), most) : usual;
}
