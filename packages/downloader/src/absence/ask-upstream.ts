import { silentLog } from '@mirror/core/log';
import { isRetryableStatus, pause, retryDelayMs } from '@mirror/core/net';
import type { HttpPolicy, RetryPolicy } from '@mirror/core/net';
import type { CrateJob } from '../fetch/crate-job.ts';
import { createTransport } from '../fetch/create-transport.ts';
import type { TransportKind } from '../fetch/create-transport.ts';
import type { Transport } from '../fetch/transport.ts';

/** How upstream is asked. */
export interface AskOptions {
  readonly http: HttpPolicy;
  readonly transport: TransportKind;
  readonly retry: RetryPolicy;
  readonly signal: AbortSignal;
}

/** Whether upstream gives at least one of these files. Bodies are not read; what gives no answer is asked again as a download would. */
export async function givesAny(jobs: readonly CrateJob[], options: AskOptions): Promise<boolean> {
  const transport = createTransport(options.transport, options.http, 1, silentLog);
  try {
    for (const job of jobs) for (const url of job.urls) if (await gives(job, url, transport, options)) return true;
    return false;
  } finally {
    await transport.close();
  }
}

async function gives(
  job: CrateJob,
  url: string,
  transport: Transport,
  { retry, signal }: AskOptions,
): Promise<boolean> {
  for (let attempt = 0; ; attempt++) {
    const status = await statusOf(job, url, transport, signal);
    if (status === 200 || status === 206) return true;
    signal.throwIfAborted();
    if ((status !== undefined && !isRetryableStatus(status)) || attempt >= retry.retries) return false;
    await pause(retryDelayMs(retry, attempt + 1), signal);
  }
}

/** The status of the answer; undefined when there was none. */
function statusOf(
  { credentials }: CrateJob,
  url: string,
  transport: Transport,
  signal: AbortSignal,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    let status: number | undefined;
    const receiver = {
      onHead: (head: { readonly status: number }): boolean => {
        ({ status } = head);
        return false;
      },
      onBody: (): number => 0,
      onEnd: (): void => {
        resolve(status);
      },
    };
    try {
      const given = credentials === undefined ? undefined : [credentials];
      transport.get({ url, headers: { range: 'bytes=0-0' }, credentials: given, signal }, receiver);
    } catch {
      resolve(undefined);
    }
  });
}
