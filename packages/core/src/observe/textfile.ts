import { statSync } from 'node:fs';
import { readSmallFile } from '../io/read-plain-file.ts';
import { replaceFile } from '../io/replace-file.ts';
import { gauge } from './metric.ts';
import type { MetricFamily } from './metric.ts';

/**
 * Write `text` for the textfile collector of Prometheus' node exporter, in one step, so that the collector never sees half of it.
 *
 * @throws {MirrorError} ERR_IO; what was there is there still
 * @see https://github.com/prometheus/node_exporter#textfile-collector
 */
export function writeTextfile(file: string, text: string): void {
  replaceFile(file, text, { mode: 0o644 }); // the collector is another user
}

/** How a run ended. */
export interface RunEnd {
  /** The exit status. */
  readonly status: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * What is told of a run that has ended, and of the last that ended well: that one may have been an earlier run, which `before`
 * knows about.
 */
export function runEndMetrics(end: RunEnd | undefined, before: number | undefined): readonly MetricFamily[] {
  const lastGood = end?.status === 0 ? end.at / 1000 : before;
  return [
    gauge('crates_last_success_timestamp_seconds', 'When a run last ended with status 0.', lastGood),
    gauge('crates_run_end_timestamp_seconds', 'When the run ended.', end === undefined ? undefined : end.at / 1000),
    gauge('crates_run_exit_status', 'The exit status of the run.', end?.status),
  ].filter(({ samples }) => samples.length > 0);
}

/** When a run last ended well according to the file of an earlier run, in seconds since 1970. */
export function lastSuccessIn(file: string): number | undefined {
  // a device or a pipe says nothing of earlier runs
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const text = readSmallFile(file, MAX_BYTES)?.toString('utf8') ?? '';
  const found = /^crates_last_success_timestamp_seconds (\d+(?:\.\d+)?)$/m.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

const MAX_BYTES = 16 << 20;
