import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { renameOver } from '../io/rename-over.ts';
import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';
import { gauge } from './metric.ts';
import type { MetricFamily } from './metric.ts';

/**
 * Write `text` for the textfile collector of Prometheus' node exporter: to a file beside it, then renamed, so that the collector never
 * sees half of it.
 *
 * @throws {MirrorError} ERR_IO; what was there is there still
 * @see https://github.com/prometheus/node_exporter#textfile-collector
 */
export async function writeTextfile(file: string, text: string): Promise<void> {
  // the collector reads `*.prom` and nothing else
  const part = `${file}.${randomUUID()}.part`;
  try {
    await writeFile(part, text);
    renameOver(part, file);
  } catch (cause) {
    await rm(part, { force: true }).catch(() => undefined);
    throw new MirrorError('ERR_IO', `cannot write the metrics to ${file}: ${messageOf(cause)}`, { cause });
  }
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
  try {
    const found = /^crates_last_success_timestamp_seconds (\d+(?:\.\d+)?)$/m.exec(readFileSync(file, 'utf8'))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw new MirrorError('ERR_IO', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}
