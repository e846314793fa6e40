import { gzipSync } from 'node:zlib';
import {
  Function as PprofFunction,
  Label,
  Line,
  Location,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';
import type { Frame, StackProfile, ThreadStacks } from './stacks.ts';

/**
 * `profile` as pprof reads it: gzipped `profile.proto`. Every sample has a label `thread`; time in which a thread had nothing to do is left out.
 *
 * @see https://github.com/google/pprof/blob/main/proto/profile.proto
 */
export function toPprof({ kind, startedAt, durationMs, period, threads }: StackProfile): Uint8Array {
  const strings = new StringTable();
  const text = (each: string): number => strings.dedup(each);
  const valueType = ([type, unit]: readonly [string, string]): ValueType =>
    new ValueType({ type: text(type), unit: text(unit) });
  const locations = createLocations(text);
  const { types, periodType, valuesOf } = KINDS[kind];
  const samples = threads.flatMap((stacks) => {
    const label = [new Label({ key: text('thread'), str: text(stacks.thread) })];
    return spentByNode(stacks).map(
      ({ node, value, count }) =>
        new Sample({ locationId: locations.stackOf(stacks, node), value: valuesOf(value, count), label }),
    );
  });
  const profile = new Profile({
    sampleType: types.map(valueType),
    sample: samples,
    location: locations.locations,
    function: locations.functions,
    stringTable: strings,
    timeNanos: BigInt(startedAt) * 1_000_000n,
    durationNanos: Math.round(durationMs * 1e6),
    periodType: valueType(periodType),
    period: kind === 'cpu' ? period * 1000 : period,
    defaultSampleType: text(types.at(-1)![0]),
  });
  return gzipSync(profile.encode());
}

const SPACE = ['space', 'bytes'] as const;

/** Names and units are those of Go's own profiles, so that its tools know what to show. */
const KINDS: Readonly<
  Record<
    StackProfile['kind'],
    {
      readonly types: readonly (readonly [string, string])[];
      readonly periodType: readonly [string, string];
      readonly valuesOf: (value: number, count: number) => number[];
    }
  >
> = {
  cpu: {
    types: [
      ['samples', 'count'],
      ['cpu', 'nanoseconds'],
    ],
    periodType: ['cpu', 'nanoseconds'],
    valuesOf: (value, count) => [count, value * 1000],
  },
  heap: { types: [['inuse_space', 'bytes']], periodType: SPACE, valuesOf: (value) => [value] },
  allocs: { types: [['alloc_space', 'bytes']], periodType: SPACE, valuesOf: (value) => [value] },
};

function spentByNode({ samples }: ThreadStacks): readonly { node: number; value: number; count: number }[] {
  const spent = new Map<number, { node: number; value: number; count: number }>();
  for (const { node, value } of samples) {
    if (node < 0) continue;
    const sum = spent.get(node) ?? { node, value: 0, count: 0 };
    spent.set(node, { node, value: sum.value + value, count: sum.count + 1 });
  }
  return [...spent.values()];
}

/** Functions and places in them, each once for all threads. Numbers begin at 1. */
function createLocations(text: (each: string) => number): {
  readonly locations: Location[];
  readonly functions: PprofFunction[];
  /** The numbers of a stack, the innermost first. */
  stackOf(stacks: ThreadStacks, node: number): number[];
} {
  const locations: Location[] = [];
  const functions: PprofFunction[] = [];
  const known = new Map<string, number>();
  const locate = ({ name, file, line, column }: Frame): number => {
    const key = `${name}\n${file}\n${String(line)}\n${String(column)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const id = locations.length + 1;
    known.set(key, id);
    const names = { name: text(name), systemName: text(name), filename: text(file) };
    functions.push(new PprofFunction({ id, ...names, startLine: line }));
    locations.push(new Location({ id, line: [new Line({ functionId: id, line })] }));
    return id;
  };
  return {
    locations,
    functions,
    stackOf: ({ nodes }, node) => {
      const stack: number[] = [];
      for (let place = node; place >= 0; place = nodes[place]!.parent) stack.push(locate(nodes[place]!.frame));
      return stack;
    },
  };
}
