import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { acknowledge, bring, subjectIn } from './course.ts';
import type { Course } from './course.ts';
import { git } from './git.ts';
import { judgeRepository } from './judge.ts';
import { runWell, start } from './subject.ts';
import type { Subject } from './subject.ts';

/**
 * SIGKILL at moments spread over a whole first sync and a whole update, the last of each in the instant after the branch moved. Each
 * time the repository must be sound and stand at the old state or the new one, and the next run must end as if nothing had been.
 */
export async function checkKills(course: Course): Promise<void> {
  const { upstream, kills, steps } = course;
  const moments = Math.max(2, Math.floor(kills / 2));
  const first = upstream.commit(0);
  upstream.serve(first);
  const subject = subjectIn(course, 'index');
  let { seconds } = await runWell(subject, upstream.url);
  const found: string[] = [];
  for (let n = 0; n < moments; n += 1) {
    rmSync(subject.dir, { recursive: true, force: true });
    const { state, endedAfter } = await kill(course, subject, delayAt(n, moments, seconds), [undefined, first]);
    seconds = Math.min(seconds, endedAfter);
    found.push(state);
    await bring(course, subject, `first sync after a kill (${state})`, first);
  }
  await acknowledge(course, subject, 'first sync', undefined, first);

  const stride = Math.floor((upstream.commits.length - 1) / (moments + 1));
  upstream.serve(upstream.commit(stride));
  ({ seconds } = await runWell(subject, upstream.url));
  await runWell(subject, upstream.url, '--skip-index-update', '--changes', path.join(course.dir, 'feed.jsonl'));
  await runWell(subject, upstream.url, '--ack');
  for (let n = 0; n < moments; n += 1) {
    const [old, next] = [upstream.commit(stride * (n + 1)), upstream.commit(stride * (n + 2))];
    upstream.serve(next);
    const { state, endedAfter } = await kill(course, subject, delayAt(n, moments, seconds), [old, next]);
    seconds = Math.min(seconds, endedAfter);
    found.push(state);
    await bring(course, subject, `update after a kill (${state})`, next);
    await acknowledge(course, subject, 'update after a kill', old, next);
  }
  course.note({ event: 'kills', seconds: 0, result: { moments: found, steps: steps.length } });
}

/** How long to wait before the kill, in seconds; undefined for the instant after the branch moved. */
function delayAt(n: number, moments: number, seconds: number): number | undefined {
  return n === moments - 1 ? undefined : 0.15 + ((seconds - 0.2) * n) / Math.max(1, moments - 2);
}

interface Killed {
  /** Which of the allowed states it left. */
  readonly state: string;
  /** In seconds; infinite when the kill came first. A run that was over sooner than the one before it tells when to kill the next. */
  readonly endedAfter: number;
}

/** Kill a run, and judge what it left. */
async function kill(
  course: Course,
  subject: Subject,
  delay: number | undefined,
  allowed: readonly (string | undefined)[],
): Promise<Killed> {
  const started = performance.now();
  const child = start(subject, course.upstream.url);
  if (delay === undefined) await branchMoved(subject, child, allowed[1] ?? '');
  else await Promise.race([pause(1000 * delay), once(child, 'exit')]);
  const wasAlive = child.exitCode === null;
  const endedAfter = wasAlive ? Infinity : (performance.now() - started) / 1000;
  child.kill('SIGKILL');
  if (wasAlive) await once(child, 'close');
  const state = stateOf(subject);
  const when = `killed ${delay === undefined ? 'after the branch moved' : `after ${delay.toFixed(2)} s`}`;
  if (!allowed.includes(state)) course.blame(when, [`HEAD is ${state ?? 'unborn'}`]);
  if (state !== undefined) course.blame(when, judgeKilled(subject));
  return { state: `${state === allowed[1] ? 'new' : 'old'}${wasAlive ? '' : ', had ended'}`, endedAfter };
}

async function branchMoved(subject: Subject, child: ChildProcess, commit: string): Promise<void> {
  const ref = path.join(subject.dir, subject.isBare ? '' : '.git', 'refs', 'heads', 'master');
  while (child.exitCode === null && (!existsSync(ref) || readFileSync(ref, 'utf8').trim() !== commit)) await pause(1);
}

function stateOf(subject: Subject): string | undefined {
  try {
    return git(subject.dir, 'rev-parse', '--quiet', '--verify', 'HEAD');
  } catch {
    return undefined; // nothing there yet, or an unborn branch
  }
}

// unfinished packs may lie about until the next run; the rest must be sound
function judgeKilled(subject: Subject): string[] {
  return judgeRepository(subject).filter((problem) => !problem.startsWith('left in objects/pack'));
}
