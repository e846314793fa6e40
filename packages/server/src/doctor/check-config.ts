import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import { text as textOf } from 'node:stream/consumers';
import { messageOf } from '@mirror/core';
import type { DoctorStep } from './doctor.ts';

/** What was found in `config.json`. */
export interface ConfigCheck {
  /** Ok when the file is there and sends cargo to the mirror itself. */
  readonly step: DoctorStep;
  /** Whether it promises an API, which a static tree does not. */
  readonly hasApi: boolean;
}

/** Look at the mirror's `config.json`. */
export async function checkConfig(
  url: string,
  caFile: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ConfigCheck> {
  const begin = Date.now();
  const { problem: detail, hasApi } = await look(url, caFile, signal).catch((error: unknown) => ({
    problem: messageOf(error),
    hasApi: false,
  }));
  return {
    step: {
      step: 'config',
      ok: detail === undefined,
      ms: Date.now() - begin,
      ...(detail === undefined ? {} : { detail }),
    },
    hasApi,
  };
}

interface Look {
  readonly problem: string | undefined;
  readonly hasApi: boolean;
}

async function look(url: string, caFile: string | undefined, signal: AbortSignal | undefined): Promise<Look> {
  const address = `${url}/index/config.json`;
  const { status, body } = await get(address, caFile, signal);
  if (status !== 200) return { problem: `${address}: expected status 200, found ${String(status)}`, hasApi: false };
  const { dl, api } = JSON.parse(body) as { readonly dl?: unknown; readonly api?: unknown };
  const hasApi = typeof api === 'string';
  if (typeof dl !== 'string' || !URL.canParse(dl))
    return { problem: `${address}: expected an address in "dl", found ${JSON.stringify(dl)}`, hasApi };
  const { origin } = new URL(dl);
  if (origin === new URL(url).origin) return { problem: undefined, hasApi };
  return { problem: `${address}: "dl" sends cargo to ${origin} instead of the mirror; see --public-url`, hasApi };
}

async function get(
  address: string,
  caFile: string | undefined,
  signal: AbortSignal | undefined,
): Promise<{ readonly status: number; readonly body: string }> {
  const { request } = address.startsWith('https:') ? https : http;
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile) };
  const sent = request(address, { ...ca, agent: false, timeout: 10_000, ...(signal === undefined ? {} : { signal }) });
  sent.on('timeout', () => sent.destroy(new Error('no answer in 10 s')));
  sent.end();
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  return { status: response.statusCode ?? 0, body: await textOf(response) };
}
