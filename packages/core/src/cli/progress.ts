import type { Writable } from 'node:stream';
import type { Log } from '../log.ts';
import { formatBytes, formatDuration } from '../format-quantity.ts';

/** The state of a job at one moment. */
export interface ProgressState {
  /** Items finished, failed ones included. */
  readonly done: number;
  /** All items, when known. */
  readonly total?: number | undefined;
  readonly bytes: number;
  readonly failed: number;
  /** More numbers for the log lines: skipped, retries, concurrency, … */
  readonly more?: Readonly<Record<string, number | string>>;
}

/** A job whose progress can be asked for at any time. */
export interface ProgressSource {
  /** What is done: `downloading`, `hashing`. */
  readonly label: string;
  /** The state now; called a few times a second. */
  readonly read: () => ProgressState;
}

/** Progress that is being shown. */
export interface Progress {
  /** Call after each item, for `--progress-every`. Cheap. */
  tick(): void;
  /** Show the last state and stop. Can be called twice. */
  stop(): void;
}

/** How progress is shown. */
export interface ProgressOptions {
  readonly progress: boolean;
  readonly progressInterval: number;
  readonly progressEvery: number;
  readonly log: Log;
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
}

/** Show the progress of `source`: a live bar when stderr is a terminal, else log lines at intervals. */
export function startProgress(source: ProgressSource, options: ProgressOptions): Progress {
  if (!options.progress) return { tick: nothing, stop: nothing };
  const meter = createMeter(source.read);
  const show = options.stderr.isTTY === true ? bar(source.label, options.stderr) : undefined;
  const line = (): void => {
    options.log.info('progress', { job: source.label, ...fieldsOf(meter()) });
  };
  const period = show === undefined ? options.progressInterval : BAR_PERIOD_MS;
  const timer = period > 0 ? setInterval(() => (show === undefined ? line() : show.draw(meter())), period) : undefined;
  timer?.unref();
  let next = options.progressEvery;
  return {
    tick: () => {
      if (options.progressEvery === 0 || source.read().done < next) return;
      next += options.progressEvery;
      line();
    },
    stop: () => {
      clearInterval(timer);
      show?.end(meter());
    },
  };
}

interface Metered extends ProgressState {
  readonly itemsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly etaMs: number | undefined;
  readonly elapsedMs: number;
}

/** Rates over the last ten seconds or so, not over the whole run: they shall tell how it goes now. */
function createMeter(read: () => ProgressState): () => Metered {
  const start = performance.now();
  const marks: { at: number; done: number; bytes: number }[] = [{ at: start, done: 0, bytes: 0 }];
  return () => {
    const state = read();
    const now = performance.now();
    const seconds = Math.max(now - marks[0]!.at, 1) / 1000;
    const itemsPerSecond = (state.done - marks[0]!.done) / seconds;
    const bytesPerSecond = (state.bytes - marks[0]!.bytes) / seconds;
    marks.push({ at: now, done: state.done, bytes: state.bytes });
    while (marks.length > 2 && now - marks[0]!.at > WINDOW_MS) marks.shift();
    const left = state.total === undefined ? undefined : state.total - state.done;
    const etaMs = left === undefined || itemsPerSecond <= 0 ? undefined : (left / itemsPerSecond) * 1000;
    return { ...state, itemsPerSecond, bytesPerSecond, etaMs, elapsedMs: now - start };
  };
}

function fieldsOf(state: Metered): object {
  return {
    done: state.done,
    total: state.total,
    failed: state.failed,
    bytes: state.bytes,
    items_per_second: Math.round(state.itemsPerSecond),
    bytes_per_second: Math.round(state.bytesPerSecond),
    eta_seconds: state.etaMs === undefined ? undefined : Math.round(state.etaMs / 1000),
    ...state.more,
  };
}

function bar(
  label: string,
  stderr: ProgressOptions['stderr'],
): { draw(state: Metered): void; end(state: Metered): void } {
  const text = (state: Metered): string => barText(label, state, (stderr.columns ?? 120) - 1);
  const draw = (state: Metered): void => {
    stderr.write(`\r\u001B[2K${text(state)}`);
  };
  let ended = false;
  return {
    draw,
    end: (state) => {
      if (ended) return;
      ended = true;
      draw(state);
      stderr.write('\n');
    },
  };
}

/** The bar in at most `width` characters. What matters most stands first; what does not fit as a whole is left out. */
function barText(label: string, state: Metered, width: number): string {
  const { done, total, bytes, failed, itemsPerSecond, bytesPerSecond, etaMs, more = {} } = state;
  const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const cells = Math.round((share ?? 0) * BAR_CELLS);
  const parts = [
    label,
    ...(share === undefined
      ? []
      : [`[${'='.repeat(cells)}${' '.repeat(BAR_CELLS - cells)}] ${String(Math.floor(share * 100))}%`]),
    `${String(done)}${total === undefined ? '' : `/${String(total)}`}`,
    `${String(Math.round(itemsPerSecond))}/s`,
    `${formatBytes(bytesPerSecond)}/s`,
    ...(etaMs === undefined ? [] : [`ETA ${formatDuration(etaMs)}`]),
    `${String(failed)} failed`,
    ...Object.entries(more).map(([name, value]) => `${name.replaceAll('_', ' ')} ${String(value)}`),
    formatBytes(bytes),
  ];
  return parts.reduce((line, part) => {
    const longer = line === '' ? part : `${line}  ${part}`;
    return longer.length <= width ? longer : line;
  }, '');
}

function nothing(): void {
  // progress is off
}

const BAR_PERIOD_MS = 200;
const BAR_CELLS = 16;
const WINDOW_MS = 10_000;
