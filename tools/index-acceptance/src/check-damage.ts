import type { IncomingMessage } from 'node:http';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { bring, subjectIn } from './course.ts';
import type { Course } from './course.ts';
import { git } from './git.ts';
import { judgeRepository } from './judge.ts';
import { run } from './subject.ts';
import type { Subject } from './subject.ts';

const KINDS = ['flip', 'end', 'reset'] as const;

/** Packs with a bit flipped, cut as if they were whole, or cut by a broken connection, all over their length. */
export async function checkDamage(course: Course): Promise<void> {
  const { upstream, steps } = course;
  const first = upstream.commit(0);
  upstream.serve(first);
  const subject = subjectIn(course, 'index', ['--retries=0']);
  const length = await spoil(course, subject, 'first sync', undefined);
  course.note({ event: 'damaged first syncs', seconds: 0, result: { pack_bytes: length, refused: course.damages } });
  await bring(course, subject, 'first sync after damage', first);
  const commit = upstream.commit(Math.max(...steps));
  upstream.serve(commit);
  const thin = await spoil(course, subject, 'update', first);
  course.note({ event: 'damaged updates', seconds: 0, result: { pack_bytes: thin, refused: course.damages } });
  await bring(course, subject, 'update after damage', commit);
}

/** Run once for each damage; every run must refuse it and leave what was there. Gives how long an answer is. */
async function spoil(course: Course, subject: Subject, event: string, commit: string | undefined): Promise<number> {
  const length = await answerLength(course, subject, commit);
  for (let n = 0; n < course.damages; n += 1) {
    const kind = KINDS[n % KINDS.length] ?? 'flip';
    // the first bytes are advice, which may be damaged without loss; and no two answers are equally long
    const at = Math.floor(200 + ((0.95 * length - 200) * n) / Math.max(1, course.damages - 1));
    course.upstream.tamperWith((piece, before, request) => {
      if (!isForPack(request) || at < before || at >= before + piece.length) return piece;
      if (kind !== 'flip') return kind;
      const changed = Buffer.from(piece);
      changed[at - before] = (changed[at - before] ?? 0) ^ 0x10;
      return changed;
    });
    const { status, stderr } = await run(subject, course.upstream.url);
    const what = `${event}, ${kind} at ${at} of ${length}`;
    if (status !== 4 && status !== 5) course.blame(what, [`status ${status}, expected 4 or 5: ${stderr.slice(-300)}`]);
    course.blame(what, judgeUntouched(subject, commit));
  }
  course.upstream.tamperWith(undefined);
  return length;
}

// a run into the void: cut at the very end of what the server sends
async function answerLength(course: Course, subject: Subject, commit: string | undefined): Promise<number> {
  let length = 0;
  course.upstream.tamperWith((piece, before, request) => {
    if (isForPack(request)) length = Math.max(length, before + piece.length);
    const isEnd = isForPack(request) && piece.subarray(-4).toString('latin1') === '0000';
    return isEnd ? 'reset' : piece;
  });
  const { status } = await run(subject, course.upstream.url);
  if (status === 0) course.blame('cut at the end', ['was not noticed']);
  course.blame('cut at the end', judgeUntouched(subject, commit));
  return length;
}

function judgeUntouched(subject: Subject, commit: string | undefined): string[] {
  if (commit !== undefined) {
    const head = git(subject.dir, 'rev-parse', 'HEAD');
    return head === commit ? judgeRepository(subject) : [`HEAD is ${head}, expected ${commit}`];
  }
  const packs = path.join(subject.dir, subject.isBare ? '' : '.git', 'objects', 'pack');
  const left = existsSync(packs) ? readdirSync(packs) : [];
  return left.length === 0 ? [] : [`left in objects/pack: ${left.join()}`];
}

// the request for a pack is the long one
function isForPack({ method, headers }: IncomingMessage): boolean {
  return method === 'POST' && Number(headers['content-length']) > 100;
}
