import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { mixedFaults, startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry, Fault } from '@mirror-tools/fake-registry';
import { expectedTree, finalRecords, notYanked, run, someVersions, treeOf, workplace } from './mirror-run.ts';

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 40, seed: 5 })));
afterAll(() => registry.close());
beforeEach(() => {
  registry.setFaults([]);
  registry.reset();
});

/** No run may leave unfinished files behind, or bytes that are not the index's. */
function expectNothingWrong(out: string): void {
  expect(readdirSync(out, { recursive: true }).filter((file) => String(file).endsWith('.part'))).toEqual([]);
  expect(expectedTree(registry.versions)).toMatchObject(treeOf(out));
}

describe.each(['auto', 'undici'])('with the transport %s', (transport) => {
  const workplaceHere = (): ReturnType<typeof workplace> => {
    const place = workplace(registry);
    return {
      ...place,
      args: [...place.args, '--transport', transport],
      noSource: [...place.noSource, '--transport', transport],
    };
  };

  describe('a fault that passes is overcome', () => {
    it.each<[Fault]>([
      [{ kind: 'status', status: 408 }],
      [{ kind: 'status', status: 425 }],
      [{ kind: 'status', status: 429, retryAfter: 0 }],
      [{ kind: 'status', status: 429, retryAfter: 'date', retryAfterSeconds: 0 }],
      [{ kind: 'status', status: 500 }],
      [{ kind: 'status', status: 502 }],
      [{ kind: 'status', status: 503 }],
      [{ kind: 'reset', after: 'request' }],
      [{ kind: 'reset', after: 'head' }],
      [{ kind: 'reset', after: 'half' }],
      [{ kind: 'disconnect', after: 'half' }],
      [{ kind: 'stall', after: 'request' }],
      [{ kind: 'stall', after: 'head' }],
      [{ kind: 'stall', after: 'half' }],
      [{ kind: 'truncate' }],
      [{ kind: 'wrong-length' }],
      [{ kind: 'wrong-length', bytes: -7 }],
      [{ kind: 'wrong-length', chunked: true }],
      [{ kind: 'overrun' }],
      [{ kind: 'huge-length' }],
      [{ kind: 'endless' }],
      [{ kind: 'empty' }],
      [{ kind: 'corrupt' }],
      [{ kind: 'html' }],
      [{ kind: 'encoded' }],
      [{ kind: 'redirect', to: 'loop' }],
      [{ kind: 'redirect', to: 'file' }],
      [{ kind: 'redirect', to: 'ftp' }],
      [{ kind: 'redirect', to: 'http://[broken' }],
      [{ kind: 'big-headers', bytes: 200_000 }],
      [{ kind: 'raw' }],
      [{ kind: 'raw', text: '' }],
      [{ kind: 'raw', text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello' }],
      [{ kind: 'raw', text: 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello' }],
      [{ kind: 'raw', text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n' }],
      [{ kind: 'slow', bytesPerSecond: 50 }],
    ])('%j', async (fault) => {
      const { args, out } = workplaceHere();
      const [one, two] = someVersions(registry);
      registry.setFaults([one, two].map(({ path }) => ({ ...fault, match: `/crates/${path}`, times: 1 })));
      const { status, summary, err } = await run([
        ...args,
        '--stall-timeout',
        '300ms',
        '--timeout',
        '2s',
        '--max-file-size',
        '50MB',
      ]);
      expect({ status, err: status === 0 ? '' : err, failed: summary['failed'] }).toEqual({
        status: 0,
        err: '',
        failed: 0,
      });
      expect(treeOf(out)).toEqual(expectedTree(registry.versions));
      expectNothingWrong(out);
      // what comes after a whole body does not make the body wrong
      expect(registry.requestsOf(`/crates/${one.path}`)).toBeGreaterThan(fault.kind === 'overrun' ? 0 : 1);
    });
  });

  describe('an answer in unusual clothes is taken', () => {
    it.each<[Fault]>([
      [{ kind: 'chunked' }],
      [{ kind: 'until-close' }],
      [{ kind: 'close' }],
      [{ kind: 'informational' }],
      [{ kind: 'big-headers', bytes: 10_000 }],
      [{ kind: 'redirect' }],
      [{ kind: 'redirect', to: 'relative', status: 308 }],
      [{ kind: 'late', ms: 20 }],
      [{ kind: 'slow', bytesPerSecond: 100_000 }],
    ])('%j', async (fault) => {
      const { args, out } = workplaceHere();
      registry.setFaults([fault]);
      const { status, summary } = await run(args);
      expect({ status, retries: summary['retries'] }).toEqual({ status: 0, retries: 0 });
      expect(treeOf(out)).toEqual(expectedTree(registry.versions));
    });
  });

  describe('a fault that stays is named', () => {
    it.each<[Fault, RegExp]>([
      [{ kind: 'status', status: 400 }, /HTTP status 400/],
      [{ kind: 'status', status: 401 }, /HTTP status 401/],
      [{ kind: 'status', status: 500 }, /HTTP status 500/],
      [
        { kind: 'encoded' },
        /expected sha256 .*, found sha256 .*; the server calls the body \\*"gzip\\*", though it was asked/,
      ],
      [{ kind: 'corrupt' }, /expected sha256 [0-9a-f]{64}, found sha256 [0-9a-f]{64}/],
      [{ kind: 'huge-length' }, /200000000000 bytes is above the limit/],
      [{ kind: 'redirect', to: 'file' }, /expected an http or https URL, found .*file:/],
      [{ kind: 'redirect', to: 'loop' }, /more than 10 redirects/],
      [{ kind: 'html' }, /expected|found/],
    ])('%j', async (fault, message) => {
      const { args, out, manifest } = workplaceHere();
      const [bad] = someVersions(registry);
      registry.setFaults([{ ...fault, match: `/crates/${bad.path}` }]);
      const { status, summary, err } = await run([...args, '--retries', '2']);
      expect({ status, ...summary }).toMatchObject({
        status: 3,
        result: 'incomplete',
        failed: 1,
        downloaded: registry.versions.length - 1,
      });
      expect(err).toMatch(message);
      const record = finalRecords(manifest).get(`${bad.name} ${bad.vers}`);
      expect(record).toMatchObject({ ok: false, status: 'failed', error: expect.stringMatching(message) });
      expectNothingWrong(out);
    });

    it.each([
      ['a folder', (place: string) => void mkdirSync(place)],
      ['a link', (place: string) => void symlinkSync('/etc/hostname', place)],
    ])('%s where a file is to be written fails that version alone', async (_, block) => {
      const { args, out } = workplaceHere();
      const [bad] = someVersions(registry);
      const [file = ''] = Object.keys(expectedTree([bad]));
      mkdirSync(path.join(out, path.dirname(file)), { recursive: true });
      block(path.join(out, `${file}.part`));
      const { status, summary, err } = await run(args);
      expect({ status, ...summary }).toMatchObject({
        status: 3,
        failed: 1,
        downloaded: registry.versions.length - 1,
      });
      expect(err).toContain(file);
    });

    it('a plain client error is not tried again', async () => {
      const { args } = workplaceHere();
      const [bad] = someVersions(registry);
      registry.setFaults([{ kind: 'status', status: 400, match: `/crates/${bad.path}` }]);
      await run(args);
      expect(registry.requestsOf(`/crates/${bad.path}`)).toBe(1);
    });

    it('wrong bytes are asked for once more in a round, and once more at the end', async () => {
      const { args } = workplaceHere();
      const [bad] = someVersions(registry);
      registry.setFaults([{ kind: 'corrupt', match: `/crates/${bad.path}` }]);
      await run(args);
      expect(registry.requestsOf(`/crates/${bad.path}`)).toBe(4);
    });
  });

  describe('many faults at once', () => {
    it.each([1, 2, 3])(
      'with a fifth of the requests failing in every way the run ends complete or names what is missing (%d)',
      async (seed) => {
        const { args, out, manifest } = workplaceHere();
        registry.setFaults(mixedFaults(0.2, { absent: seed === 2, hanging: seed === 3 }));
        const { status, summary } = await run([
          ...args,
          '--stall-timeout',
          '200ms',
          '--timeout',
          '2s',
          '--concurrency',
          '32',
        ]);
        expectNothingWrong(out);
        const final = finalRecords(manifest);
        expect(final.size).toBe(registry.versions.length);
        const named = [...final.values()]
          .filter((record) => record['ok'] !== true)
          .map((record) => String(record['path']));
        const missing = Object.keys(expectedTree(registry.versions)).filter((file) => !(file in treeOf(out)));
        expect(named.sort()).toEqual(missing.sort());
        expect(status).toBe(summary['failed'] === 0 ? 0 : 3);
        registry.setFaults([]);
        expect((await run(args)).summary).toMatchObject({ result: 'complete' });
        expect(treeOf(out)).toEqual(expectedTree(registry.versions));
      },
    );

    it('an outage in the middle of the run costs nothing', async () => {
      const { args, out } = workplaceHere();
      registry.setLatency(20);
      const running = run([...args, '--concurrency', '8']);
      setTimeout(() => {
        registry.outage('reset');
      }, 100);
      setTimeout(() => {
        registry.outage(false);
      }, 700);
      const { status } = await running;
      registry.setLatency(0);
      registry.outage(false);
      expect(status).toBe(0);
      expect(treeOf(out)).toEqual(expectedTree(registry.versions));
    });
  });
});

it('a server that speaks nothing but HTTP/2 is left to the transport that does', async () => {
  const modern = await startFakeRegistry({ crates: 5, seed: 6, tlsProtocols: ['h2'] });
  const { dir, noSource, out } = workplace(modern);
  const caFile = path.join(dir, 'ca.pem');
  writeFileSync(caFile, modern.ca);
  const { status, err } = await run([...noSource, '--crates-base-url', `${modern.tlsUrl}/crates`, '--ca-file', caFile]);
  await modern.close();
  expect({ status, err: status === 0 ? '' : err }).toEqual({ status: 0, err: '' });
  expect(treeOf(out)).toEqual(expectedTree(notYanked(modern)));
});
