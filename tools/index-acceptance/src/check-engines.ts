import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { acknowledge, bring, subjectIn } from './course.ts';
import type { Course } from './course.ts';
import { git } from './git.ts';
import { compareNames, filesBelow } from './judge.ts';
import { startFileServer } from './file-server.ts';
import { runWell } from './subject.ts';
import type { Subject } from './subject.ts';

/** The same two states through every engine, and by single files: all must have the same bytes and tell the same changes. */
export async function checkEngines(course: Course): Promise<void> {
  const { upstream, steps } = course;
  const [first, second] = [upstream.commit(0), upstream.commit(Math.max(...steps))];
  for (const engine of course.engines.filter((each) => each !== 'sparse')) {
    const subject = subjectIn(course, engine, [`--git-engine=${engine}`]);
    upstream.serve(first);
    await bring(course, subject, `${engine}: first sync`, first);
    await acknowledge(course, subject, `${engine}: first sync`, undefined, first);
    upstream.serve(second);
    await bring(course, subject, `${engine}: update`, second);
    await acknowledge(course, subject, `${engine}: update`, first, second);
    rmSync(subject.dir, { recursive: true, force: true });
  }
  if (course.engines.includes('sparse')) await checkSparse(course, first, second);
}

async function checkSparse(course: Course, first: string, second: string): Promise<void> {
  const { repository } = course.upstream;
  const served = path.join(course.dir, 'single-files');
  const server = await startFileServer(served);
  const names = new Set([first, second].flatMap((commit) => indexPathsAt(repository, commit)));
  const wanted = path.join(course.dir, 'names.txt');
  writeFileSync(wanted, [...names].map((name) => `${path.posix.basename(name)}\n`).join(''));
  const flags = ['--protocol=sparse', `--crates=${wanted}`, '--retry-base=50ms'];
  const subject: Subject = { dir: path.join(course.dir, 'sparse'), isBare: false, flags };
  const { upstream } = course;
  const over: Course = { ...course, upstream: { ...upstream, url: server.url } };
  try {
    for (const [event, from, to] of [
      ['first sync', undefined, first],
      ['update', first, second],
    ] as const) {
      rmSync(served, { recursive: true, force: true });
      mkdirSync(served);
      execFileSync('sh', ['-c', 'git -C "$0" archive "$1" | tar -x -C "$2"', repository, to, served]);
      const { seconds, summary } = await runWell(subject, server.url);
      course.note({ event: `sparse: ${event}`, seconds, result: summary });
      course.blame(`sparse: ${event}`, compareFolders(subject.dir, served, indexPathsAt(repository, to)));
      await acknowledge(over, subject, `sparse: ${event}`, from, to);
    }
  } finally {
    await server.close();
  }
}

function compareFolders(dir: string, served: string, indexPaths: readonly string[]): string[] {
  const expected = ['config.json', ...indexPaths];
  const names = compareNames(filesBelow(dir), expected);
  if (names.length > 0) return names;
  const differs = expected.filter(
    (file) => !readFileSync(path.join(dir, file)).equals(readFileSync(path.join(served, file))),
  );
  return differs.slice(0, 3).map((file) => `${file} differs`);
}

function indexPathsAt(repository: string, commit: string): string[] {
  const files = git(repository, 'ls-tree', '-r', '--name-only', commit).split('\n');
  return files.filter((file) => /^([12]\/|3\/.\/|[^.].\/..\/)/.test(file));
}
