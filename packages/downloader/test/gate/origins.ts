/** An answer of a simulated origin. */
export interface Reply {
  /** `odd`: makes no sense, such as wrong bytes; `again`: worth another attempt; `broken`: no answer. */
  readonly kind: 'ok' | 'odd' | 'again' | 'broken';
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** When the head came; undefined when none did. */
  readonly headAt?: number;
}

/** What an origin is simulated with. */
export interface World {
  random(): number;
  now(): number;
  at(time: number, action: () => void): void;
}

/** Takes requests in a world: calls `reply` once for each. */
export type Origin = (world: World) => (reply: (reply: Reply) => void) => void;

/** An origin of the table, and whether it has a limit that pushbacks tell of. */
export interface OriginCase {
  readonly title: string;
  readonly origin: Origin;
  readonly hasLimit: boolean;
  readonly jobs?: number;
  readonly ceiling?: number;
}

const S503 = { kind: 'again', status: 503 } as const;
const S429 = { kind: 'again', status: 429 } as const;
const BROKEN = { kind: 'broken' } as const;
const ASKED = { retryAfterMs: 1000 };

/** Every origin that the laws are compared at. */
export const ORIGINS: readonly OriginCase[] = [
  free('good, 2 ms away', faulty(0, BROKEN, 1, 4)),
  free('good, 80 ms away', faulty(0, BROKEN, 40, 120)),
  free('20 % wrong in nine ways', nineWays({ hangs: false, asks: true })),
  free('20 % wrong in nine ways, no Retry-After', nineWays({ hangs: false, asks: false })),
  free('20 % wrong in nine ways, some hang for 5 s', nineWays({ hangs: true, asks: true })),
  free('5 % 503, 80 ms away', faulty(0.05, S503, 40, 120)),
  free('30 % 503', faulty(0.3, S503, 1, 4)),
  free('20 % resets, 80 ms away', faulty(0.2, BROKEN, 40, 120)),
  free('3 % 429 with Retry-After 1 s, 80 ms away', faulty(0.03, { ...S429, ...ASKED }, 40, 120)),
  limited('3 at once, quick 503', quickLimit(3, 50, S503)),
  limited('8 at once, quick 429', quickLimit(8, 50, S429)),
  limited('8 at once, quick 429 with Retry-After 1 s', quickLimit(8, 50, { ...S429, ...ASKED })),
  limited('40 at once, quick 429', quickLimit(40, 50, S429)),
  { ...limited('64 at once of 128, quick 429', quickLimit(64, 50, S429)), ceiling: 128 },
  limited('3 at once, slow 503', slowLimit(3, 80, S503)),
  limited('8 at once, slow 429', slowLimit(8, 80, S429)),
  limited('30 at once, slow 503', slowLimit(30, 80, S503)),
  { ...limited('10 a second with Retry-After 1 s', rateLimit(10, 5, 40, { ...S429, ...ASKED })), jobs: 600 },
  limited('50 a second with Retry-After 1 s', rateLimit(50, 20, 20, { ...S429, ...ASKED })),
  limited('50 a second', rateLimit(50, 20, 20, S429)),
  limited('200 a second, 80 ms away', rateLimit(200, 50, 80, S429)),
  limited('collapses above 16 with resets', collapse(16, 50)),
  limited('ever later: four at a time, 20 ms each', queue(4, 20)),
  free('503 for 30 s', outage(500, 30_500, S503)),
  free('resets for 30 s', outage(500, 30_500, BROKEN)),
];

function free(title: string, origin: Origin): OriginCase {
  return { title, origin, hasLimit: false };
}

function limited(title: string, origin: Origin): OriginCase {
  return { title, origin, hasLimit: true };
}

/** A share of the answers is `fault`, whatever the load. */
function faulty(share: number, fault: Reply, least: number, most: number): Origin {
  return ({ random, now, at }) =>
    (reply) => {
      const end = now() + least + random() * (most - least);
      const answer: Reply = random() < share ? fault : { kind: 'ok', status: 200 };
      at(end, () => {
        reply(answer.kind === 'broken' ? answer : { ...answer, headAt: end });
      });
    };
}

/** Resets, short bodies, 429, 500, 503, wrong bytes, HTML, late and cut answers, a ninth of 20 % each. */
function nineWays({ hangs, asks }: { readonly hangs: boolean; readonly asks: boolean }): Origin {
  return ({ random, now, at }) =>
    (reply) => {
      const start = now();
      const latency = 1 + random() * 3;
      const end = (ms: number, answer: Reply): void => {
        at(start + ms, () => {
          reply(answer);
        });
      };
      const head = { headAt: start + latency };
      if (random() >= 0.2) {
        end(latency, { kind: 'ok', status: 200, ...head });
        return;
      }
      const hang: [number, Reply] = hangs ? [5000, BROKEN] : [latency, BROKEN];
      const short: [number, Reply] = [latency, { kind: 'again', status: 200, ...head }];
      const late = { kind: 'ok', status: 200, headAt: start + 1500 } as const;
      const odd: [number, Reply] = [latency, { kind: 'odd', status: 200, ...head }];
      const busy: [number, Reply] = [latency, { ...S429, ...(asks ? ASKED : {}), ...head }];
      const ways: (readonly [number, Reply])[] = [
        ...[
          hang,
          [latency, { ...S503, ...head }] as const,
          [latency, { kind: 'again', status: 500, ...head }] as const,
        ],
        ...[busy, short, odd, odd, [1500, late] as const, short],
      ];
      end(...ways[Math.floor(random() * 9)]!);
    };
}

/** Serves so many at once, and refuses the rest within 2 ms. */
function quickLimit(most: number, service: number, refusal: Reply): Origin {
  return ({ random, now, at }) => {
    let served = 0;
    return (reply) => {
      const start = now();
      if (served >= most) {
        at(start + 2, () => {
          reply({ ...refusal, headAt: start + 2 });
        });
        return;
      }
      served += 1;
      const end = start + service * (0.5 + random());
      at(end, () => {
        served -= 1;
        reply({ kind: 'ok', status: 200, headAt: end });
      });
    };
  };
}

/** Refuses what comes above the limit, but only after the time of service, and what it refuses counts as served. */
function slowLimit(most: number, service: number, refusal: Reply): Origin {
  return ({ random, now, at }) => {
    let served = 0;
    return (reply) => {
      served += 1;
      const answer: Reply = served > most ? refusal : { kind: 'ok', status: 200 };
      const end = now() + service * (0.9 + 0.2 * random());
      at(end, () => {
        served -= 1;
        reply({ ...answer, headAt: end });
      });
    };
  };
}

/** A token bucket. */
function rateLimit(perSecond: number, burst: number, service: number, refusal: Reply): Origin {
  return ({ random, now, at }) => {
    let tokens = burst;
    let last = 0;
    return (reply) => {
      const start = now();
      tokens = Math.min(burst, tokens + ((start - last) / 1000) * perSecond);
      last = start;
      const isServed = tokens >= 1;
      if (isServed) tokens -= 1;
      const end = start + (isServed ? service * (0.5 + random()) : 2);
      at(end, () => {
        reply(isServed ? { kind: 'ok', status: 200, headAt: end } : { ...refusal, headAt: end });
      });
    };
  };
}

/** Ever slower and ever more broken above its limit. */
function collapse(most: number, service: number): Origin {
  return ({ random, now, at }) => {
    let served = 0;
    return (reply) => {
      served += 1;
      const end = now() + service * (0.5 + random()) * Math.max(1, served / most);
      at(end, () => {
        const isBroken = random() < Math.max(0, (served - most) / served);
        served -= 1;
        reply(isBroken ? BROKEN : { kind: 'ok', status: 200, headAt: end });
      });
    };
  };
}

/** Takes everything, serves so many at a time. */
function queue(servers: number, service: number): Origin {
  return ({ random, now, at }) => {
    const free = new Array<number>(servers).fill(0);
    return (reply) => {
      free.sort((one, other) => one - other);
      const end = Math.max(now(), free[0]!) + service * (0.5 + random());
      free[0] = end;
      at(end, () => {
        reply({ kind: 'ok', status: 200, headAt: end });
      });
    };
  };
}

/** Good but for some time in between. */
function outage(from: number, to: number, fault: Reply): Origin {
  return ({ random, now, at }) =>
    (reply) => {
      const start = now();
      const isAway = start >= from && start < to;
      const end = start + (isAway ? 2 : 20 * (0.5 + random()));
      at(end, () => {
        reply(
          isAway
            ? fault.kind === 'broken'
              ? fault
              : { ...fault, headAt: end }
            : { kind: 'ok', status: 200, headAt: end },
        );
      });
    };
}
