import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compareNames, judge } from './judge.ts';
import { comparable, expectedFeed } from './feed-oracle.ts';
import { runWell } from './subject.ts';
import type { Run, Subject } from './subject.ts';
import type { Upstream } from './upstream.ts';

/** Something that was done, and what came of it. */
export interface Step {
  readonly event: string;
  readonly seconds: number;
  readonly result: Readonly<Record<string, unknown>>;
}

/** What a part of the acceptance works with. */
export interface Course {
  readonly upstream: Upstream;
  /** A folder for this part alone. */
  readonly dir: string;
  readonly steps: readonly number[];
  readonly engines: readonly string[];
  readonly kills: number;
  readonly damages: number;
  readonly isBare: boolean;
  readonly note: (step: Step) => void;
  /** Take note of everything that was wrong after an event. */
  readonly blame: (event: string, problems: readonly string[]) => void;
}

/** An index in the folder of this part. */
export function subjectIn(course: Course, name: string, flags: readonly string[] = []): Subject {
  return { dir: path.join(course.dir, name), isBare: course.isBare, flags: ['--retry-base=50ms', ...flags] };
}

/** Sync to `commit`, note what it cost, and let git judge the result. */
export async function bring(course: Course, subject: Subject, event: string, commit: string): Promise<void> {
  const ended = await runWell(subject, course.upstream.url);
  course.note({ event, seconds: ended.seconds, result: brief(ended) });
  course.blame(event, await judge(subject, course.upstream.repository, commit));
}

/** Compare the feed since `from` (undefined: not known, then only read) with the expected one, and acknowledge it. */
export async function acknowledge(
  course: Course,
  subject: Subject,
  event: string,
  from: string | undefined,
  to: string,
): Promise<void> {
  const file = path.join(course.dir, 'feed.jsonl');
  await runWell(subject, course.upstream.url, '--skip-index-update', '--changes', file);
  const records = readFileSync(file, 'utf8').split('\n').filter(Boolean).map(comparable).sort();
  if (from !== undefined) {
    const expected = await expectedFeed(course.upstream.repository, from, to);
    course.blame(`feed after ${event}`, compareNames(records, expected));
    if (records.length !== expected.length)
      course.blame(`feed after ${event}`, [`${records.length} records, expected ${expected.length}`]);
  }
  await runWell(subject, course.upstream.url, '--ack');
  course.note({ event: `feed after ${event}`, seconds: 0, result: { records: records.length } });
}

function brief({ summary }: Run): Readonly<Record<string, unknown>> {
  const { outcome, bytes, files_added: added, files_changed: changed, files_removed: removed } = summary;
  return { outcome, bytes, added, changed, removed };
}
