import { MirrorError } from '@mirror/core';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { createApp } from './app/app.ts';
import { openMirror } from './app/mirror.ts';
import type { DoctorValues } from './cli-flags.ts';
import { mirrorPlaces } from './cli-mirror.ts';
import { checkMirror } from './doctor/check-mirror.ts';
import { doctor } from './doctor/doctor.ts';
import type { DoctorStep } from './doctor/doctor.ts';
import { pickCrates } from './doctor/pick-crates.ts';
import { checkedPublicUrl } from './http/public-address.ts';
import { serve } from './serve.ts';
import { watchMirror } from './state/watch-mirror.ts';

/** `mirror-server doctor`: one JSON line for each thing that was tried, then the summary. */
export async function runDoctor(values: DoctorValues, context: CommandContext): Promise<Outcome> {
  if (values.url !== undefined) {
    const { publicUrl } = checkedPublicUrl(values.url);
    const crates =
      values.crate.length > 0 || values.indexDir === undefined
        ? values.crate
        : await withMirror(values, context, (served) => served.pick());
    if (crates.length === 0)
      throw new MirrorError('ERR_USAGE', 'no crate is named', {
        hint: 'give --crate NAME, or --index-dir DIR to pick some',
      });
    return examine(publicUrl, crates, values, context);
  }
  return withMirror(values, context, async (served) => {
    const crates = values.crate.length > 0 ? values.crate : await served.pick();
    if (crates.length === 0)
      throw new MirrorError('ERR_CONFIG', 'the mirror has no crate that can be fetched', {
        hint: 'is --root the folder of the crate files?',
      });
    return examine(served.url, crates, values, context, served.check(values.allFiles ? undefined : crates));
  });
}

async function examine(
  url: string,
  crates: readonly string[],
  values: DoctorValues,
  context: CommandContext,
  before: AsyncIterable<DoctorStep> = nothing(),
): Promise<Outcome> {
  const { log, signal, io } = context;
  const failed: DoctorStep[] = [];
  let steps = 0;
  const { build: isBuilding, cargo, caFile, timeout: timeoutMs } = values;
  const isProxied = values.url !== undefined; // what we serve ourselves is next to us
  const options = { url, crates, isBuilding, cargo, caFile, timeoutMs, isProxied, env: io.env, signal, log };
  for (const some of [before, doctor(options)])
    for await (const step of some) {
      steps++;
      if (!step.ok) failed.push(step);
      await context.print(step);
    }
  const summary = {
    result: failed.length === 0 ? 'healthy' : 'failed',
    url,
    crates: crates.length,
    steps,
    failed: failed.length,
  };
  if (failed.length === 0) return { summary };
  if (failed.some(({ step }) => step === 'elsewhere'))
    return { summary, failure: { code: 'ERR_INTEGRITY', message: 'a request went past the mirror' } };
  if (failed.some(({ step }) => step === 'index' || step === 'files'))
    return { summary, failure: { code: 'ERR_INTEGRITY', message: damageOf(failed) } };
  return {
    summary,
    failure: { code: 'ERR_PARTIAL', message: `${String(failed.length)} of ${String(steps)} checks failed` },
  };
}

/** What the last line of each kind says. */
function damageOf(failed: readonly DoctorStep[]): string {
  const last = (kind: DoctorStep['step']): string | undefined => failed.findLast(({ step }) => step === kind)?.detail;
  return [last('index'), last('files')].filter((detail) => detail !== undefined).join('; ');
}

async function* nothing(): AsyncGenerator<never> {
  // a mirror that is only an address has no files to be read
}

interface Served {
  readonly url: string;
  pick(): Promise<readonly string[]>;
  /** Read the files of these crates; of all when undefined. */
  check(crates: readonly string[] | undefined): AsyncIterable<DoctorStep>;
}

/** Serve the folders on a port of their own for as long as `use` takes. */
async function withMirror<T>(
  values: DoctorValues,
  { log, signal }: CommandContext,
  use: (served: Served) => Promise<T>,
): Promise<T> {
  const places = mirrorPlaces(values);
  const mirror = await openMirror({ ...places, isVerifying: true, bundleRefreshMs: 0, log });
  const watch = watchMirror(
    { indexDir: places.indexDir, roots: places.roots, bundleDirs: places.bundleDirs ?? [] },
    0,
    log,
  );
  const app = createApp({ mirror, watch, address: { basePath: '', trustProxy: false }, log });
  const server = await serve({ app, host: '127.0.0.1', port: 0, log });
  try {
    await watch.ready;
    return await use({
      url: server.url,
      pick: () => pickCrates(mirror, watch.state?.names, values.count),
      check: (crates) => checkMirror({ mirror, crates, malformed: watch.state?.malformed ?? 0, signal }),
    });
  } finally {
    await server.close(1000);
    await watch.close();
    await mirror.close();
  }
}
