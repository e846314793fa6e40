import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatJobs, parseJobs } from '../dist/fetch/job-text.js';

const text = fc.string({
  unit: fc.constantFrom('a', '\t', '\n', '\r', '"', '\\', '\0', '\u2028', '\ud800', ',', '[', ']', '/..'),
});
const maybe = fc.option(text, { nil: undefined });

it('whatever stands in a job, it comes out of the text as it went in, and no job becomes two', () => {
  const job = fc.record({ path: text, sha256: maybe, name: maybe, vers: maybe, urls: fc.array(text) });
  fc.assert(fc.property(fc.array(job), (jobs) => void expect(parseJobs(formatJobs(jobs))).toEqual(jobs)));
});
