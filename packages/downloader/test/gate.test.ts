import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { firstByteMs, judge, openFrom, takeSlot } from '../dist/fetch/gate-law.js';
import type { GateOutcome } from '../dist/fetch/gate-law.js';
import { createGateMemory, readGate } from '../dist/fetch/gate-memory.js';
import { firstGateState } from '../dist/fetch/gate-state.js';
import type { GateState } from '../dist/fetch/gate-state.js';
import { createGate } from '../dist/fetch/gate.js';
import type { Gate } from '../dist/fetch/gate.js';
import { expectedTree, run, treeOf, workplace } from './mirror-run.ts';

const never = new AbortController().signal;

/** A law at work: answers that came 20 ms after they were sent, one each millisecond. */
function lawAt(ceiling = 64): {
  state: GateState;
  answer: (outcome: Partial<GateOutcome>, count?: number) => void;
  pass: (ms: number) => void;
} {
  const state = firstGateState(ceiling, true);
  let now = 1000;
  return {
    state,
    pass: (ms) => {
      now += ms;
    },
    answer: (outcome, count = 1) => {
      for (let i = 0; i < count; i += 1) {
        now += 1;
        judge(
          state,
          { ok: true, status: 200, latencyMs: 20, sentAt: Math.max(now - 20, state.lastFall), ...outcome },
          now,
          30_000,
        );
      }
    },
  };
}

describe('the law of the gate', () => {
  it('begins small and opens to the ceiling with good answers', () => {
    const { state, answer } = lawAt();
    expect(state.limit).toBe(16);
    answer({}, 48);
    expect(state.limit).toBe(64);
  });

  it.each([{ status: 429 }, { status: 503 }])(
    'falls at the first %j of an upstream that never sent one',
    (pushback) => {
      const { state, answer } = lawAt();
      answer({}, 48);
      answer({ ok: false, ...pushback });
      expect(state.limit).toBeCloseTo(38.4);
      expect(state.lowest).toBe(38);
    },
  );

  it('does not fall at one broken connection among many good answers, but at several', () => {
    const { state, answer } = lawAt();
    answer({}, 60);
    answer({ ok: false, status: undefined });
    expect(state.limit).toBe(64);
    answer({ ok: false, status: undefined }, 6);
    expect(state.limit).toBeLessThan(64);
  });

  it('ignores answers to what was sent before it fell', () => {
    const { state, answer } = lawAt();
    answer({}, 48);
    answer({ ok: false, status: 429 });
    const { limit } = state;
    answer({ ok: false, status: 429, sentAt: 0 }, 40);
    expect(state.limit).toBe(limit);
  });

  it('does not fall at wrong bytes, nor at other statuses', () => {
    const { state, answer } = lawAt();
    answer({}, 48);
    answer({ ok: false, status: 500 }, 50);
    answer({ ok: false, status: 200 }, 50);
    expect(state.limit).toBe(64);
  });

  it('undoes a fall that changed nothing, and takes that much trouble as usual from then on', () => {
    const { state, answer, pass } = lawAt();
    answer({}, 100);
    // with fewer in flight there are fewer answers, and as much trouble as before
    for (let i = 0; i < 200; i += 1) {
      answer({ ok: false, status: 503 });
      answer({}, 9);
      pass(10 * (64 / state.limit - 1));
    }
    expect(state.usual).toBeGreaterThan(0.05);
    expect(state.limit).toBe(64);
  });

  it('everybody waits for a Retry-After when most answers push back, else only the one who was told', () => {
    const one = lawAt();
    one.answer({}, 48);
    one.answer({ ok: false, status: 429, retryAfterMs: 5000 });
    expect(openFrom(one.state)).toBe(Number.NEGATIVE_INFINITY);
    const all = lawAt();
    all.answer({ ok: false, status: 429, retryAfterMs: 5000 });
    expect(openFrom(all.state)).toBe(6001);
    const long = lawAt();
    long.answer({ ok: false, status: 429, retryAfterMs: 3_600_000 });
    expect(openFrom(long.state)).toBe(31_001);
  });

  it('spreads requests over time when only a few may be in flight', () => {
    const { state, answer } = lawAt();
    answer({}, 48);
    answer({ ok: false, status: 503 }, 30);
    expect(state.limit).toBeLessThan(4);
    takeSlot(state, 10_000);
    expect(openFrom(state)).toBeGreaterThan(10_004);
  });

  it('opens anew after an outage', () => {
    const { state, answer } = lawAt();
    answer({}, 48);
    answer({ ok: false, status: undefined }, 200);
    expect(state.limit).toBeLessThan(0.3);
    answer({}, 100);
    expect(state.limit).toBe(64);
  });

  it('falls when answers come ever later', () => {
    const { state, answer } = lawAt();
    answer({ latencyMs: 50 }, 100);
    answer({ latencyMs: 3000 }, 60);
    expect(state.limit).toBeLessThan(40);
  });

  it('waits for the first byte twenty times as long as usual, and never less than five seconds', () => {
    const { state, answer } = lawAt();
    expect(firstByteMs(state)).toBe(Number.POSITIVE_INFINITY);
    answer({ latencyMs: 20 });
    expect(firstByteMs(state)).toBe(5000);
    answer({ latencyMs: 1000 }, 200);
    expect(firstByteMs(state)).toBeGreaterThan(19_000);
  });
});

function gateOf(ceiling: number, adaptive = true): { gates: [Gate, Gate]; limit: () => number } {
  const memory = createGateMemory(ceiling, adaptive);
  const make = (): Gate => createGate({ memory, adaptive, maxPauseMs: 30_000, takeTurn: undefined });
  return { gates: [make(), make()], limit: () => readGate(memory, 'limit') };
}

function enterAll(gate: Gate, count: number): number {
  let entered = 0;
  while (entered < count && gate.tryEnter()) entered += 1;
  return entered;
}

describe('a gate', () => {
  it('lets in as many as the law says, all threads together', () => {
    const { gates } = gateOf(64);
    expect(enterAll(gates[0], 10)).toBe(10);
    expect(enterAll(gates[1], 100)).toBe(6);
    expect(gates.map(({ inFlight }) => inFlight)).toEqual([10, 6]);
  });

  it('holds its ceiling when it is told not to adapt', () => {
    const { gates, limit } = gateOf(64, false);
    expect(enterAll(gates[0], 100)).toBe(64);
    gates[0].leave({ ok: false, status: 429, retryAfterMs: 1000, sentAt: 0 });
    expect(limit()).toBe(64);
    expect(gates[0].tryEnter()).toBe(true);
  });

  it('gives a place that came free to who waits, in another thread too', async () => {
    const { gates } = gateOf(1);
    expect(gates[0].tryEnter()).toBe(true);
    const waiting = gates[1].enter(never);
    expect(gates[1].inFlight).toBe(0);
    gates[0].leave(undefined);
    await waiting;
    expect(gates[1].inFlight).toBe(1);
  });

  it('lets a waiting one go with the reason of an abort', async () => {
    const { gates } = gateOf(1);
    gates[0].tryEnter();
    const controller = new AbortController();
    const waiting = gates[0].enter(controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    gates[0].leave(undefined);
    expect(gates[0].tryEnter()).toBe(true);
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
    expect(err).toContain('upstream overloaded, reducing concurrency');
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
