import { textReply } from '../reply.ts';
import type { Reply } from '../reply.ts';
import type { StackProfile } from './stacks.ts';

/** Answers `/debug/pprof/…`; undefined where there is nothing. */
export type ProfileRoutes = (
  name: string,
  query: URLSearchParams,
  gone: AbortSignal,
) => Reply | Promise<Reply> | undefined;

/**
 * The profiles of this process by HTTP, at the addresses and in the format of Go's `net/http/pprof`: `profile` (30 seconds of processor
 * time), `heap` and `allocs` (10 seconds), all threads in each. `?seconds=` from 1 to `MAX_PROFILE_SECONDS`, `?format=speedscope` for that
 * viewer. One at a time: watching costs something.
 *
 * @param title - of what is watched: `mirror-downloader 0.1.0`
 */
export function createProfileRoutes(title: string): ProfileRoutes {
  let isBusy = false;
  return (name, query, gone) => {
    if (name === '') return textReply(200, OVERVIEW);
    const wanted = WANTED.get(name);
    if (wanted === undefined) return undefined;
    const seconds = query.get('seconds') ?? String(wanted.seconds);
    if (!/^[1-9]\d{0,3}$/.test(seconds) || Number(seconds) > MAX_PROFILE_SECONDS)
      return textReply(400, `seconds: expected a whole number from 1 to ${String(MAX_PROFILE_SECONDS)}`);
    const format = query.get('format') ?? 'pprof';
    if (format !== 'pprof' && format !== 'speedscope') return textReply(400, 'format: expected pprof or speedscope');
    if (isBusy) return textReply(503, 'a profile is being taken already', { 'retry-after': '10' });
    isBusy = true;
    return takenProfile(wanted.kind, Number(seconds), format, title, gone).finally(() => (isBusy = false));
  };
}

/** The longest time that is watched at once. */
const MAX_PROFILE_SECONDS = 120;

const WANTED: ReadonlyMap<string, { readonly kind: StackProfile['kind']; readonly seconds: number }> = new Map([
  ['profile', { kind: 'cpu', seconds: 30 }],
  ['heap', { kind: 'heap', seconds: 10 }],
  ['allocs', { kind: 'allocs', seconds: 10 }],
]);

const OVERVIEW = `profile?seconds=30   where the time of all threads goes
heap?seconds=10      memory taken meanwhile and still in use
allocs?seconds=10    all memory taken meanwhile

In the format of pprof (go tool pprof URL), or with format=speedscope for https://www.speedscope.app`;

/** Loaded when the first profile is asked for. */
async function takenProfile(
  kind: StackProfile['kind'],
  seconds: number,
  format: 'pprof' | 'speedscope',
  title: string,
  gone: AbortSignal,
): Promise<Reply> {
  const { takeProfile } = await import('./take-profile.ts');
  const profile = await takeProfile(kind, seconds * 1000, gone);
  if (format === 'speedscope') {
    const { toSpeedscope } = await import('./to-speedscope.ts');
    return {
      status: 200,
      type: 'application/json',
      body: JSON.stringify(toSpeedscope(profile, title)),
      headers: { 'content-disposition': `attachment; filename="${kind}.speedscope.json"` },
    };
  }
  const { toPprof } = await import('./to-pprof.ts');
  return {
    status: 200,
    type: 'application/octet-stream',
    body: toPprof(profile),
    headers: { 'content-disposition': `attachment; filename="${kind}.pb.gz"` },
  };
}
