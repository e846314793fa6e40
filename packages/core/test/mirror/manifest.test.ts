import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatManifestRecord } from '../../dist/index.js';
import { jsonLine } from '../../dist/io/index.js';
import type { ManifestRecord } from '../../dist/index.js';

const text = fc.string({ unit: 'binary', maxLength: 20 });
const when = fc.integer({ min: 0, max: 4e12 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

it('a record is one line of JSON with exactly what is known, in a fixed order, whatever the texts', () => {
  const record: fc.Arbitrary<ManifestRecord> = fc.record({
    ...{ url: text, path: text, size: fc.option(fc.nat()), sha256: fc.option(text), mtimeUs: maybe(fc.nat()) },
    ...{
      startedAt: when,
      finishedAt: when,
      error: maybe(text),
      retries: maybe(fc.nat(9)),
      httpStatus: maybe(fc.nat(599)),
    },
    ...{ name: maybe(text), vers: maybe(text), runId: text, bundle: maybe(text) },
    status: fc.constantFrom('downloaded', 'skipped', 'absent', 'failed'),
  });
  fc.assert(
    fc.property(record, (given) => {
      const line = formatManifestRecord(given);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      const plain = jsonLine({
        schema_version: 1,
        ...{ url: given.url, path: given.path, size: given.size, sha256: given.sha256, mtime_us: given.mtimeUs },
        started_at: new Date(given.startedAt).toISOString(),
        finished_at: new Date(given.finishedAt).toISOString(),
        ...{ ok: ['downloaded', 'skipped'].includes(given.status), status: given.status, error: given.error },
        ...{ retries: given.retries === 0 ? undefined : given.retries, http_status: given.httpStatus },
        ...{ name: given.name, vers: given.vers, run_id: given.runId, bundle: given.bundle },
      });
      expect(line).toBe(plain);
      expect(JSON.parse(line)).toMatchObject({ url: given.url, path: given.path, run_id: given.runId });
    }),
  );
});
