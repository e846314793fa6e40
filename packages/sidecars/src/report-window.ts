/**
 * Keeps a worker from running ahead of the main thread, which would have to hold all its reports: the worker, whose code is
 * synchronous, waits in place while too many of them are on their way. It is also how a worker is told to stop.
 */
export interface ReportWindow {
  /** Worker: wait until one more report may be sent. */
  waitForRoom(): void;
  /** Worker: whether the run is to stop. */
  isStopped(): boolean;
  /** Main thread: a report has been dealt with. */
  acknowledge(): void;
  /** Main thread: nothing more is wanted. */
  stop(): void;
  readonly memory: SharedArrayBuffer;
}

/** A window over `memory`, which both sides share; the main thread makes it. */
export function createReportWindow(memory: SharedArrayBuffer = new SharedArrayBuffer(8)): ReportWindow {
  const cells = new Int32Array(memory);
  return {
    memory,
    waitForRoom: () => {
      for (let onTheirWay = Atomics.load(cells, COUNT); onTheirWay >= MOST; onTheirWay = Atomics.load(cells, COUNT)) {
        Atomics.wait(cells, COUNT, onTheirWay);
      }
      Atomics.add(cells, COUNT, 1);
    },
    isStopped: () => Atomics.load(cells, STOP) !== 0,
    acknowledge: () => {
      Atomics.sub(cells, COUNT, 1);
      Atomics.notify(cells, COUNT);
    },
    stop: () => {
      Atomics.store(cells, STOP, 1);
    },
  };
}

const COUNT = 0;
const STOP = 1;
/** Reports on their way for each worker: enough that none waits while others are dealt with in turn. */
const MOST = 8;
