import { git, gitMeanwhile } from './git.ts';
import { acknowledge, bring, subjectIn } from './course.ts';
import type { Course } from './course.ts';

/** A first sync, updates of all sizes, a squash, a server that does not know what is here, and git itself going on from there. */
export async function checkUpdates(course: Course): Promise<void> {
  const { upstream, steps } = course;
  const subject = subjectIn(course, 'index');
  let at = 0;
  let commit = upstream.commits[0] ?? '';
  let acknowledged: string | undefined;
  const reach = async (event: string): Promise<void> => {
    await bring(course, subject, event, commit);
    await acknowledge(course, subject, event, acknowledged, commit);
    acknowledged = commit;
  };
  upstream.serve(commit);
  await reach('first sync');
  for (const step of steps) {
    at += step;
    commit = upstream.commit(at);
    upstream.serve(commit);
    await reach(`update by ${step} commits`);
  }
  await bring(course, subject, 'nothing new', commit);
  const left = upstream.commits.length - 1 - at;
  at += Math.floor(left / 3);
  commit = upstream.squash(upstream.commit(at));
  upstream.serve(commit);
  await reach(`squash ${Math.floor(left / 3)} commits on`);
  at += Math.floor(left / 3);
  commit = upstream.serveAlone(upstream.commit(at));
  await reach('server without our commit');
  commit = upstream.commits.at(-1) ?? '';
  upstream.serve(commit);
  await reach('back to a history');
  await gitMeanwhile(subject.dir, 'fetch', '--quiet', '--depth=1', upstream.url, 'master');
  course.blame(
    'git fetch',
    git(subject.dir, 'rev-parse', 'FETCH_HEAD') === commit ? [] : ['git fetches something else'],
  );
}
