import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ListenAddress } from '../net/parse-listen.ts';
import type { MetricFamily } from './metric.ts';
import { metricsOf } from './observed.ts';
import type { Observed } from './observed.ts';
import { startListener } from './start-listener.ts';
import { lastSuccessIn, runEndMetrics, writeTextfile } from './textfile.ts';
import type { RunEnd } from './textfile.ts';
import { watchWork } from './watch.ts';

/** How work is shown to the world. */
export interface ObservationOptions {
  /** Where to listen for people and for Prometheus. */
  readonly listen?: ListenAddress | undefined;
  /** A file for the textfile collector, written every `TEXTFILE_MS` and at the end. */
  readonly textfile?: string | undefined;
  /** A Pushgateway that is told at the end. */
  readonly pushUrl?: string | undefined;
  readonly log: Log;
}

/** Work that is being shown. */
export interface Observation {
  /** Where it listens, if it does. */
  readonly url: string | undefined;
  /** Show how it ended, for the last time. Never rejects: what cannot be shown is logged. */
  end(status: number): Promise<void>;
}

/**
 * Show `observed` by HTTP, in a file, to a Pushgateway, or all of them, until `end` is called.
 *
 * @throws {MirrorError} ERR_CONFIG when the address cannot be listened on; ERR_IO when the file cannot be written
 */
export async function startObservation(observed: Observed, options: ObservationOptions): Promise<Observation> {
  const { listen, textfile, pushUrl, log } = options;
  const watch = watchWork(observed);
  const lastSuccess = textfile === undefined ? undefined : lastSuccessIn(textfile);
  const families = (end?: RunEnd): readonly MetricFamily[] => [
    ...metricsOf(observed),
    ...runEndMetrics(end, lastSuccess),
  ];
  const write = async (end?: RunEnd): Promise<void> => {
    if (textfile === undefined) return;
    const { formatMetrics } = await import('./prometheus.ts');
    writeTextfile(textfile, await formatMetrics(families(end)));
  };
  const push = async (url: string, end: RunEnd): Promise<void> => {
    const { pushMetrics } = await import('./prometheus.ts');
    await pushMetrics(url, observed.tool, families(end));
  };
  await write();
  const listener = listen === undefined ? undefined : await startListener(listen, watch);
  if (listener !== undefined) log.info('listening', { url: listener.url });
  const attempt = (act: Promise<void>, what: string): Promise<void> =>
    act.catch((error: unknown) => {
      log.warn(what, { error: messageOf(error) });
    });
  let writing = Promise.resolve();
  const timer = setInterval(() => {
    writing = writing.then(() => attempt(write(), 'the metrics file was not written'));
  }, TEXTFILE_MS).unref();
  return {
    url: listener?.url,
    end: async (status) => {
      clearInterval(timer);
      watch.stop();
      await writing;
      const end = { status, at: Date.now() };
      await attempt(write(end), 'the metrics file was not written');
      if (pushUrl !== undefined) await attempt(push(pushUrl, end), 'the metrics were not pushed');
      await listener?.close();
    },
  };
}

const TEXTFILE_MS = 15_000;
