import { EXIT_CODES, MirrorError, exitStatusOf } from '../errors.ts';
import { parseListen } from '../net/parse-listen.ts';
import type { ListenAddress } from '../net/parse-listen.ts';
import type { Observed } from '../observe/observed.ts';
import { flag } from './flags.ts';
import type { Flag, FlagValues } from './flags.ts';
import type { CommandContext, Outcome } from './tool.ts';

const group = 'Watching:';

/** The flags of a command whose work can be watched. */
export const observeFlags: ObserveFlags = {
  listen: flag.parsed({
    group,
    value: 'HOST:PORT',
    describe:
      'show the run at this address: a live page, /metrics, /api/status, /debug/pprof/; :9090 is this machine only, 0.0.0.0:9090 lets others in',
    parse: parseListen,
  }),
  'metrics-textfile': flag.string({
    group,
    value: 'FILE',
    describe: 'write the metrics to this file too, every 15 s and at the end, for a textfile collector (*.prom)',
  }),
  'metrics-push': flag.parsed({
    group,
    value: 'URL',
    describe: 'send the metrics to this Pushgateway at the end',
    parse: httpUrl,
  }),
};

/** The type of the table, so that its values stay typed. */
export type ObserveFlags = {
  readonly listen: Flag<ListenAddress | undefined>;
  readonly 'metrics-textfile': Flag<string | undefined>;
  readonly 'metrics-push': Flag<string | undefined>;
};

/**
 * Do `work`, and show it meanwhile as the flags want it. What shows it is loaded, and `observed` asked for, only when one of them is given.
 */
export async function observeWork(
  values: FlagValues<ObserveFlags>,
  observed: () => Observed | Promise<Observed>,
  { log }: Pick<CommandContext, 'log'>,
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  const { listen, metricsTextfile: textfile, metricsPush: pushUrl } = values;
  if (listen === undefined && textfile === undefined && pushUrl === undefined) return work();
  const { startObservation } = await import('../observe/start-observation.ts');
  const observation = await startObservation(await observed(), { listen, textfile, pushUrl, log });
  let status: number = EXIT_CODES.ERR_INTERNAL;
  try {
    const outcome = await work();
    status = outcome.failure === undefined ? 0 : EXIT_CODES[outcome.failure.code];
    return outcome;
  } catch (error) {
    status = exitStatusOf(error);
    throw error;
  } finally {
    await observation.end(status);
  }
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new MirrorError('ERR_USAGE', `expected a URL such as http://127.0.0.1:9091, found ${JSON.stringify(text)}`);
}
