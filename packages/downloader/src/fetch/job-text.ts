import type { Credentials } from '@mirror/core/net';
import type { CrateJob } from './crate-job.ts';

/**
 * Jobs as one text, for the way to another thread: one string is copied in a tenth of the time that many objects take. It is JSON, so that nothing
 * inside a path, a digest, a name or a URL can ever be read as the end of it.
 */
export function formatJobs(jobs: readonly CrateJob[]): string {
  return JSON.stringify(
    jobs.map(({ path, sha256, name, vers, urls, credentials, isNew }): Row => {
      const row = [path, sha256 ?? 0, name ?? 0, vers ?? 0, urls] as const;
      if (isNew === true) return [...row, credentials ?? 0, 1];
      return credentials === undefined ? row : [...row, credentials];
    }),
  );
}

/** The jobs of a text that `formatJobs` made. */
export function parseJobs(text: string): CrateJob[] {
  return (JSON.parse(text) as Row[]).map(([path, sha256, name, vers, urls, credentials = 0, isNew]) => ({
    path,
    sha256: sha256 === 0 ? undefined : sha256,
    name: name === 0 ? undefined : name,
    vers: vers === 0 ? undefined : vers,
    urls,
    ...(credentials === 0 ? {} : { credentials }),
    ...(isNew === undefined ? {} : { isNew: true }),
  }));
}

/** The fields of a job in their order; 0 stands for what is not known. */
type Row = readonly [
  path: string,
  sha256: string | 0,
  name: string | 0,
  vers: string | 0,
  urls: readonly string[],
  credentials?: Credentials | 0,
  isNew?: 1,
];
