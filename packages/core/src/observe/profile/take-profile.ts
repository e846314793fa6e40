import type { HeapProfiler, Profiler } from 'node:inspector';
import { pause } from '../../net/retry.ts';
import { cpuStacks, heapStacks } from './stacks.ts';
import type { StackProfile, ThreadStacks } from './stacks.ts';
import { inspectThreads } from './threads.ts';
import type { InspectedThread } from './threads.ts';

/**
 * Watch all threads that there are now for `ms` milliseconds: where their time goes (`cpu`), what memory they take and keep (`heap`), or
 * what memory they take at all (`allocs`). A thread that ends meanwhile is left out. An abort of `signal` ends it early, with what was seen.
 */
export async function takeProfile(kind: StackProfile['kind'], ms: number, signal: AbortSignal): Promise<StackProfile> {
  const startedAt = Date.now();
  const start = performance.now();
  const { begin, end } = kind === 'cpu' ? CPU : heapMethods(kind);
  const threads = await inspectThreads(async (all) => {
    const begun = await ofThose(all, async (thread) => {
      await begin(thread);
      return thread;
    });
    await pause(ms, signal).catch(() => undefined);
    return ofThose(begun, end);
  });
  const period = kind === 'cpu' ? CPU_PERIOD_US : HEAP_PERIOD_BYTES;
  return { kind, startedAt, durationMs: performance.now() - start, period, threads };
}

/** The results for those threads that are still there to give one. */
async function ofThose<T>(
  threads: readonly InspectedThread[],
  act: (thread: InspectedThread) => Promise<T>,
): Promise<readonly T[]> {
  const ends = await Promise.allSettled(threads.map(act));
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
}

interface Methods {
  begin(thread: InspectedThread): Promise<void>;
  end(thread: InspectedThread): Promise<ThreadStacks>;
}

const CPU_PERIOD_US = 1000;
const HEAP_PERIOD_BYTES = 32_768;

const CPU: Methods = {
  async begin(thread) {
    await thread.call('Profiler.enable');
    await thread.call('Profiler.setSamplingInterval', { interval: CPU_PERIOD_US });
    await thread.call('Profiler.start');
  },
  async end(thread) {
    const { profile } = (await thread.call('Profiler.stop')) as Profiler.StopReturnType;
    await thread.call('Profiler.disable');
    return cpuStacks(thread.name, profile);
  },
};

function heapMethods(kind: 'heap' | 'allocs'): Methods {
  const isAll = kind === 'allocs';
  return {
    async begin(thread) {
      await thread.call('HeapProfiler.startSampling', {
        samplingInterval: HEAP_PERIOD_BYTES,
        includeObjectsCollectedByMajorGC: isAll,
        includeObjectsCollectedByMinorGC: isAll,
      });
    },
    async end(thread) {
      const { profile } = (await thread.call('HeapProfiler.stopSampling')) as HeapProfiler.StopSamplingReturnType;
      return heapStacks(thread.name, profile);
    },
  };
}
