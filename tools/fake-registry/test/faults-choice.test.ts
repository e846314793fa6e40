import { afterEach, describe, expect, it } from '@jest/globals';
import { FAULT_KINDS, mixedFaults, startFakeRegistry } from '../dist/index.js';
import type { FakeRegistry, Fault, FaultRule } from '../dist/index.js';
import { get, get2 } from './clients.ts';
import { A } from './split-answer.ts';

const running = new Set<FakeRegistry>();

async function start(...faults: FaultRule[]): Promise<FakeRegistry> {
  const registry = await startFakeRegistry({ crates: 30, faults });
  running.add(registry);
  return registry;
}

afterEach(async () => {
  await Promise.all([...running].map((registry) => registry.close()));
  running.clear();
});

describe('faults on HTTP/2', () => {
  it.each([
    [{ kind: 'status', status: 503 }, 503, 'end'],
    [{ kind: 'reset' }, 0, 'error'],
    [{ kind: 'reset', after: 'half' }, 200, 'error'],
    [{ kind: 'truncate' }, 200, 'error'],
    [{ kind: 'overrun' }, 200, 'error'],
    [{ kind: 'raw' }, 0, 'error'],
    [{ kind: 'html' }, 200, 'end'],
    [{ kind: 'redirect' }, 302, 'end'],
  ] as [Fault, number, string][])('%j', async (fault, status, ended) => {
    const registry = await start(fault);
    const seen = await get2(registry, A);
    const how = seen.ended.replace(/^ERR_HTTP2_.*/, 'error'); // of the stream or of the session, as the release of Node has it
    expect([seen.status, how]).toEqual([status, ended]);
    expect(seen.body.equals(registry.bytesOf(A)!)).toBe(false);
  });

  it.each(['slow', 'late', 'chunked', 'informational', 'close'] as const)('%s is right in the end', async (kind) => {
    const registry = await start(kind === 'slow' ? { kind, bytesPerSecond: 20_000 } : { kind });
    expect(await get2(registry, A)).toMatchObject({ status: 200, ended: 'end', body: registry.bytesOf(A) });
  });

  it('a disconnect takes the whole connection, a stall nothing', async () => {
    const registry = await start({ kind: 'disconnect', after: 'half' });
    expect((await get2(registry, A)).ended).not.toBe('end');
    registry.setFaults([{ kind: 'stall', after: 'head' }]);
    const waiting = get2(registry, A);
    while (registry.counts().in_flight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(registry.log().at(-1)).toMatchObject({ fault: 'stall', isOver: false });
    await registry.close();
    expect((await waiting).ended).not.toBe('end');
  });
});

describe('when faults happen', () => {
  it('match takes a path, a pattern or a function; index files are spared by default', async () => {
    const registry = await start({ kind: 'status', status: 500 });
    expect((await get(`${registry.url}/index/1/a`)).status).toBe(200);
    const others = '/crates/ab/ab-0.2.0.crate';
    for (const match of [A, /^\/crates\/a\//g, (path: string) => path === A]) {
      registry.setFaults([{ kind: 'status', status: 500, match }]);
      expect([(await get(registry.url + A)).status, (await get(registry.url + A)).status]).toEqual([500, 500]);
      expect((await get(registry.url + others)).status).toBe(200);
    }
    registry.setFaults([{ kind: 'status', status: 404, match: /^\/index\// }]);
    expect((await get(`${registry.url}/index/1/a`)).status).toBe(404);
  });

  it('times counts the attempts of each path', async () => {
    const registry = await start({ kind: 'status', status: 500, times: 2 });
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) statuses.push((await get(registry.url + A)).status);
    expect(statuses).toEqual([500, 500, 200, 200]);
    expect((await get(`${registry.url}/crates/ab/ab-0.2.0.crate`)).status).toBe(500);
  });

  it('a rate is met, and drawn alike for the same path and attempt', async () => {
    const registry = await start({ kind: 'status', status: 500, rate: 0.3 });
    const round = async (): Promise<string> => {
      registry.reset();
      const failed: string[] = [];
      for (const version of registry.versions) {
        for (let attempt = 0; attempt < 4; attempt += 1)
          failed.push(String((await get(registry.crateUrl(version))).status));
      }
      return failed.join(' ');
    };
    const first = await round();
    const share = first.split(' ').filter((status) => status === '500').length / (4 * registry.versions.length);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.4);
    expect(await round()).toBe(first);
  });

  it('per path draws once: a path fails always or never', async () => {
    const registry = await start({ kind: 'status', status: 500, rate: 0.5, per: 'path' });
    const seen = new Set<string>();
    for (const version of registry.versions.slice(0, 20)) {
      const pair = [(await get(registry.crateUrl(version))).status, (await get(registry.crateUrl(version))).status];
      seen.add(pair.join(' '));
    }
    expect(seen).toEqual(new Set(['200 200', '500 500']));
  });

  it('mixed faults add up to their rate, and every kind has a turn', () => {
    const rules = mixedFaults(0.2, { absent: true, hanging: true });
    const plain = rules.filter((rule) => rule.kind !== 'bad-range');
    const through = plain.reduce((rest, rule) => rest * (1 - (rule.rate ?? 1)), 1);
    expect(1 - through).toBeCloseTo(0.2, 10);
    expect(new Set(rules.map((rule) => rule.kind)).size).toBeGreaterThan(10);
    for (const rule of rules) expect(FAULT_KINDS).toContain(rule.kind);
  });
});
