import type { HeapProfiler, Profiler, Runtime } from 'node:inspector';

/** Where a function is. */
export interface Frame {
  readonly name: string;
  /** A path or the name of a module of Node; empty for what is no code. */
  readonly file: string;
  /** From 1; 0 when it is not known. */
  readonly line: number;
  readonly column: number;
}

/** A place in a call tree. */
export interface StackNode {
  readonly frame: Frame;
  /** The caller's index among the nodes; -1 for those without. Callers stand before those they call. */
  readonly parent: number;
}

/** What was seen in one thread. */
export interface ThreadStacks {
  readonly thread: string;
  readonly nodes: readonly StackNode[];
  /** In the order of time where there is one: a node, -1 for idle, and what was spent there: microseconds, or bytes. */
  readonly samples: readonly { readonly node: number; readonly value: number }[];
}

/** What was seen in all threads. */
export interface StackProfile {
  /** `cpu`: time; `heap`: memory taken in this time and still in use; `allocs`: all memory taken in this time. */
  readonly kind: 'cpu' | 'heap' | 'allocs';
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** Microseconds or bytes between samples. */
  readonly period: number;
  readonly threads: readonly ThreadStacks[];
}

/** The stacks of a processor profile of the inspector. */
export function cpuStacks(thread: string, profile: Profiler.Profile): ThreadStacks {
  const parents = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id);
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const nodes: StackNode[] = [];
  const places = new Map<number, number>();
  const placeOf = (id: number): number => {
    const known = places.get(id);
    if (known !== undefined) return known;
    const node = byId.get(id);
    const parent = parents.get(id);
    if (node === undefined || parent === undefined) return NO_NODE; // the root stands for the thread itself
    const place = nodes.push({ parent: placeOf(parent), frame: frameOf(node.callFrame) }) - 1;
    places.set(id, place);
    return place;
  };
  const deltas = profile.timeDeltas ?? [];
  const samples = (profile.samples ?? []).map((id, i) => {
    const isIdle = byId.get(id)?.callFrame.functionName === '(idle)';
    // a delta is the time before its sample; what a sample stands for is the time after it
    return { node: isIdle ? NO_NODE : placeOf(id), value: Math.max(0, deltas[i + 1] ?? 0) };
  });
  return { thread, nodes, samples };
}

/** The stacks of a heap profile of the inspector. */
export function heapStacks(thread: string, profile: HeapProfiler.SamplingHeapProfile): ThreadStacks {
  const nodes: StackNode[] = [];
  const samples: { node: number; value: number }[] = [];
  const visit = (node: HeapProfiler.SamplingHeapProfileNode, parent: number): void => {
    for (const child of node.children) {
      const place = nodes.push({ frame: frameOf(child.callFrame), parent }) - 1;
      if (child.selfSize > 0) samples.push({ node: place, value: child.selfSize });
      visit(child, place);
    }
  };
  visit(profile.head, NO_NODE);
  return { thread, nodes, samples };
}

const NO_NODE = -1;

function frameOf({ functionName, url, lineNumber, columnNumber }: Runtime.CallFrame): Frame {
  return {
    name: functionName === '' ? '(anonymous)' : functionName,
    file: url.replace(/^file:\/\//, ''),
    line: lineNumber + 1,
    column: columnNumber + 1,
  };
}
