import { once } from 'node:events';
import { MirrorError, formatBytes, messageOf, parseListen } from '@mirror/core';
import { observeWork } from '@mirror/core/cli';
import type { CommandContext, Outcome } from '@mirror/core/cli';
import { createApp } from './app/app.ts';
import { openMirror } from './app/mirror.ts';
import type { ServeValues } from './cli-flags.ts';
import { version } from './cli-version.ts';
import { connectionLimit } from './connection-limit.ts';
import { mirrorPlaces, mirrorView } from './cli-mirror.ts';
import type { JudgedView } from './cli-mirror.ts';
import { checkedBasePath, checkedPublicUrl } from './http/public-address.ts';
import type { AddressSettings } from './http/public-address.ts';
import { openAccessLog } from './cli-access-log.ts';
import { observeServer } from './observe/observe-server.ts';
import { serve } from './serve.ts';
import { watchMirror } from './state/watch-mirror.ts';

/** `mirror-server serve`: until a signal. */
export async function runServe(values: ServeValues, context: CommandContext): Promise<Outcome> {
  const { log, signal } = context;
  const begin = Date.now();
  const address = addressSettings(values);
  const listen = parseListen(values.listen);
  const tls = tlsFiles(values);
  const { options, notes, scanView, judge } = await mirrorView(values, context);
  const places = mirrorPlaces(values);
  await refuseInVain(values, judge);
  const accessLog = openAccessLog(values.accessLog, values.accessLogFormat, context);
  const stopReopening = context.io.onReopen?.(() => {
    accessLog?.reopen();
    log.reopen();
    log.info('log files opened again');
  });
  const mirror = await openMirror({ ...places, ...options, cacheBytes: values.cacheSize, log });
  const watch = watchMirror(
    { indexDir: places.indexDir, roots: places.roots, bundleDirs: places.bundleDirs ?? [], view: scanView },
    values.rescan,
    log,
  );
  const app = createApp({ mirror, watch, address, hasMetrics: values.metrics, notes, log });
  const work = async (): Promise<Outcome> => {
    const maxConnections = connectionLimit(values.maxConnections, log);
    const { headerTimeout: headerMs, idleTimeout: idleMs } = values;
    const server = await serve({
      app,
      ...listen,
      tls,
      limits: { maxConnections, headerMs, requestMs: headerMs * 3, idleMs },
      onAccess: accessLog?.write,
      log,
    });
    const base = address.publicUrl ?? `${server.url}${address.basePath}`;
    log.info('serving', {
      url: base,
      index: places.indexDir,
      crates: [...places.roots, ...(places.bundleDirs ?? [])].join(' '),
      notes: notes.join(' ') || undefined,
    });
    if (accessLog?.isStdout !== true)
      await context.print({ url: base, index_url: `sparse+${base}/index/`, listen: server.url });
    if (!signal.aborted) await once(signal, 'abort');
    log.info('stopping', { in_flight: app.metrics.totals().inFlight });
    await server.close(values.grace);
    const { requests, bytes, corrupt } = app.metrics.totals();
    const summary = {
      result: 'stopped',
      requests,
      bytes,
      corrupt_files_asked_for: corrupt,
      seconds: Math.round((Date.now() - begin) / 100) / 10,
    };
    log.debug('sent', { bytes: formatBytes(bytes) });
    return { summary, stdoutTaken: accessLog?.isStdout === true, failure: failureOf(signal) };
  };
  const watching = { listen: values.debugListen, metricsTextfile: undefined, metricsPush: undefined };
  try {
    return await observeWork(
      watching,
      () => observeServer(version, { mirror, watch, metrics: app.metrics }),
      context,
      work,
    );
  } finally {
    stopReopening?.();
    await watch.close();
    await mirror.close();
    await accessLog?.close();
  }
}

/** A name that the index does not have may come with the next update; a mirror that would show nothing, or other bytes than a lock pins, is a slip. */
async function refuseInVain(values: ServeValues, judge: () => Promise<JudgedView>): Promise<void> {
  const { crates, cargoLock, exclude, allow, latest, publishedBefore, publishedAfter, partition } = values;
  const isChosen = [crates, cargoLock, exclude, allow].some((list) => list.length > 0);
  if (!isChosen && latest === 0 && [publishedBefore, publishedAfter, partition].every((value) => value === undefined))
    return;
  const { isEmpty, failure } = await judge();
  if (failure?.code === 'ERR_INTEGRITY' || isEmpty)
    throw new MirrorError(failure?.code ?? 'ERR_PARTIAL', failure?.message ?? 'the selection shows nothing');
}

function failureOf(signal: AbortSignal): { code: MirrorError['code']; message: string } {
  const { reason } = signal as { readonly reason: unknown };
  return reason instanceof MirrorError
    ? { code: reason.code, message: reason.message }
    : { code: 'ERR_INTERRUPTED', message: messageOf(reason) };
}

function addressSettings({ publicUrl, basePath, trustProxy }: ServeValues): AddressSettings {
  const given = publicUrl === undefined ? undefined : checkedPublicUrl(publicUrl);
  return {
    publicUrl: given?.publicUrl,
    basePath: basePath === undefined ? (given?.basePath ?? '') : checkedBasePath(basePath),
    trustProxy,
  };
}

function tlsFiles({ cert, key }: ServeValues): { readonly certFile: string; readonly keyFile: string } | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined) return { certFile: cert, keyFile: key };
  throw new MirrorError('ERR_USAGE', `--${cert === undefined ? 'key' : 'cert'} is given alone`, {
    hint: 'TLS needs --cert FILE and --key FILE',
  });
}
