import { createHttpClient, createHttpPolicy, messageOf, readBody } from '@mirror/core';
import type { DoctorStep } from './doctor.ts';

/** What was found in `config.json`. */
export interface ConfigCheck {
  /** Ok when the file is there and sends cargo to the mirror itself. */
  readonly step: DoctorStep;
  /** Whether it promises an API, which a static tree does not. */
  readonly hasApi: boolean;
}

/**
 * Look at the mirror's `config.json`.
 *
 * @param env - where proxies are named
 */
export async function checkConfig(
  url: string,
  caFile: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<ConfigCheck> {
  const begin = Date.now();
  const { problem: detail, hasApi } = await look(url, caFile, env, signal).catch((error: unknown) => ({
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

async function look(
  url: string,
  caFile: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<Look> {
  const address = `${url}/index/config.json`;
  const policy = createHttpPolicy({ product: 'mirror-server', caFile, env, stallTimeoutMs: 10_000 });
  const answer = await createHttpClient(policy).request(address, { signal });
  const { status } = answer;
  if (status !== 200) await answer.discard();
  if (status !== 200) return { problem: `${address}: expected status 200, found ${String(status)}`, hasApi: false };
  const { dl, api } = JSON.parse((await readBody(answer, MAX_BYTES)).toString('utf8')) as {
    readonly dl?: unknown;
    readonly api?: unknown;
  };
  const hasApi = typeof api === 'string';
  if (typeof dl !== 'string' || !URL.canParse(dl))
    return { problem: `${address}: expected an address in "dl", found ${JSON.stringify(dl)}`, hasApi };
  const { origin } = new URL(dl);
  if (origin === new URL(url).origin) return { problem: undefined, hasApi };
  return { problem: `${address}: "dl" sends cargo to ${origin} instead of the mirror; see --public-url`, hasApi };
}

/** No honest one is larger. */
const MAX_BYTES = 64 << 10;
