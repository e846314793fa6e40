import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { createGate } from '../dist/fetch/gate.js';
import type { Gate } from '../dist/fetch/gate.js';
import { expectedTree, run, treeOf, workplace } from './mirror-run.ts';

const never = new AbortController().signal;

function gateAt(clock: { now: number }, over: object = {}): Gate {
  return createGate({
    ceiling: 64,
    adaptive: true,
    maxPauseMs: 30_000,
    takeTurn: undefined,
    now: () => clock.now,
    ...over,
  });
}

function enterAll(gate: Gate, count: number): number {
  let entered = 0;
  while (entered < count && gate.tryEnter()) entered += 1;
  return entered;
}

describe('a gate', () => {
  it('begins small and opens to its ceiling with good answers', () => {
    const gate = gateAt({ now: 0 });
    expect(enterAll(gate, 100)).toBe(16);
    for (let i = 0; i < 48; i += 1) {
      gate.leave({ ok: true });
      gate.tryEnter();
    }
    expect(gate.limit).toBe(64);
  });

  it.each([[{ ok: false, status: 429 }], [{ ok: false, status: 503 }], [{ ok: false }]])(
    'falls by half on %j, once for a burst',
    (outcome) => {
      const clock = { now: 1000 };
      const gate = gateAt(clock);
      enterAll(gate, 16);
      for (let i = 0; i < 5; i += 1) gate.leave(outcome);
      expect(gate.limit).toBe(8);
      clock.now += 1000;
      gate.leave(outcome);
      expect(gate.limit).toBeLessThan(8);
      expect(gate.lowest).toBe(gate.limit);
    },
  );

  it('does not fall on answers that are no trouble, nor when told not to adapt', () => {
    const gate = gateAt({ now: 0 });
    enterAll(gate, 16);
    gate.leave({ ok: false, status: 500 });
    expect(gate.limit).toBe(16);
    const stubborn = gateAt({ now: 0 }, { adaptive: false });
    expect(enterAll(stubborn, 100)).toBe(64);
    stubborn.leave({ ok: false, status: 429 });
    expect(stubborn.limit).toBe(64);
  });

  it('falls when answers come ever later', () => {
    const clock = { now: 0 };
    const gate = gateAt(clock);
    const answer = (latencyMs: number): void => {
      clock.now += 100;
      gate.tryEnter();
      gate.leave({ ok: true, latencyMs });
    };
    for (let i = 0; i < 100; i += 1) answer(50);
    expect(gate.limit).toBe(64);
    for (let i = 0; i < 60; i += 1) answer(3000);
    expect(gate.limit).toBeLessThan(20);
    for (let i = 0; i < 5000; i += 1) answer(50);
    expect(gate.limit).toBe(64);
  });

  it('climbs back quickly to just below where it fell, stays there for a while, and only then tries for more', () => {
    const clock = { now: 10_000 };
    const gate = gateAt(clock, { ceiling: 200 });
    while (gate.limit < 100) {
      gate.tryEnter();
      gate.leave({ ok: true });
    }
    enterAll(gate, 100);
    gate.leave({ ok: false, status: 429 });
    const limits = Array.from({ length: 120 }, () => {
      clock.now += 100;
      gate.leave({ ok: true });
      gate.tryEnter();
      return gate.limit;
    });
    expect(limits).toEqual(limits.toSorted((one, other) => one - other));
    const between = (low: number, high: number): number =>
      limits.filter((limit) => limit >= low && limit < high).length;
    expect(between(50, 90)).toBeGreaterThan(5);
    expect(between(98, 102)).toBeGreaterThan(1.2 * between(82, 98));
    expect(limits.at(-1)).toBe(200);
  });

  it('does not take a pause that the server asked for as time in which it bore anything', () => {
    const clock = { now: 10_000 };
    const gate = gateAt(clock);
    enterAll(gate, 16);
    gate.leave({ ok: false, status: 429, retryAfterMs: 20_000 });
    expect(gate.limit).toBe(8);
    clock.now += 20_000;
    gate.leave({ ok: true });
    expect(gate.limit).toBe(8);
    clock.now += 20_000;
    gate.leave({ ok: true });
    expect(gate.limit).toBe(64);
  });

  it('makes everybody wait when a server asks one to', async () => {
    const gate = createGate({ ceiling: 4, adaptive: true, maxPauseMs: 30_000, takeTurn: undefined });
    gate.tryEnter();
    gate.leave({ ok: false, status: 429, retryAfterMs: 80 });
    expect(gate.tryEnter()).toBe(false);
    const started = Date.now();
    await gate.enter(never);
    expect(Date.now() - started).toBeGreaterThanOrEqual(75);
  });

  it('lets a waiting one go with the reason of an abort', async () => {
    const gate = createGate({ ceiling: 1, adaptive: true, maxPauseMs: 30_000, takeTurn: undefined });
    gate.tryEnter();
    gate.leave({ ok: false, status: 429, retryAfterMs: 20_000 });
    const controller = new AbortController();
    const waiting = gate.enter(controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(gate.inFlight).toBe(0);
  });
});

describe('with an upstream that allows only a few at once', () => {
  let registry: FakeRegistry;
  beforeAll(async () => (registry = await startFakeRegistry({ crates: 150, seed: 9, maxInFlight: 6, latencyMs: 10 })));
  afterAll(() => registry.close());

  it('the run settles near that number without a storm of refusals, and loses nothing', async () => {
    const { args, out } = workplace(registry);
    const { status, summary, err } = await run([...args, '--concurrency', '64', '--retry-max', '1s']);
    expect(status).toBe(0);
    expect(err).toContain('upstream is in trouble: fewer requests at once');
    expect(treeOf(out)).toEqual(expectedTree(registry.versions));
    const refused = registry.log().filter((entry) => entry.status === 429).length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(registry.versions.length / 4);
    expect(Number(summary['lowest_concurrency'])).toBeLessThanOrEqual(8);
    // the last third of the run is quiet
    const late = registry.log().slice(-Math.floor(registry.log().length / 3));
    expect(late.filter((entry) => entry.status === 429).length).toBeLessThan(late.length / 8);
  });
});

describe('with answers that are late', () => {
  let registry: FakeRegistry;
  beforeAll(async () => (registry = await startFakeRegistry({ versions: 400, seed: 9, latencyMs: 40 })));
  afterAll(() => registry.close());

  it('as many requests are in flight as --concurrency allows, and never more', async () => {
    for (const concurrency of [8, 24, 48]) {
      registry.reset();
      const { args } = workplace(registry);
      expect((await run([...args, '--concurrency', String(concurrency)])).status).toBe(0);
      const inFlight = registry.counts().max_in_flight;
      expect(inFlight).toBeLessThanOrEqual(concurrency);
      expect(inFlight).toBeGreaterThan(0.9 * concurrency);
    }
  });
});
