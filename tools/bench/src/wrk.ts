import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

/** A GET that is sent again and again. */
export interface LoadRequest {
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** How hard a server is asked. */
export interface LoadOptions {
  readonly requests: readonly LoadRequest[];
  readonly connections: number;
  readonly seconds: number;
  /** A file for wrk's script. */
  readonly script: string;
}

/** What a server did under load. */
export interface Load {
  readonly requests: number;
  readonly perSecond: number;
}

/**
 * Let wrk (one thread) send the requests in turn over connections that are kept.
 *
 * @throws {Error} an answer was an error, or a connection failed
 */
export async function runWrk(url: string, { requests, connections, seconds, script }: LoadOptions): Promise<Load> {
  writeFileSync(script, luaOf(requests));
  const child = spawn('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  await once(child, 'close');
  return parseWrk(said);
}

/** Read what wrk prints. @throws {Error} requests failed, or it prints something else */
export function parseWrk(text: string): Load {
  const problem = /Socket errors:.*|Non-2xx or 3xx responses: \d+/.exec(text)?.[0];
  if (problem !== undefined) throw new Error(`wrk: ${problem}`);
  const requests = /(\d+) requests in/.exec(text)?.[1];
  const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1];
  if (requests === undefined || perSecond === undefined) throw new Error(`cannot read what wrk says: ${text}`);
  return { requests: Number(requests), perSecond: Number(perSecond) };
}

function luaOf(requests: readonly LoadRequest[]): string {
  const rows = requests.map(({ target, headers }) => {
    const fields = Object.entries(headers).map(([name, value]) => `[${quoted(name)}]=${quoted(value)}`);
    return `{${quoted(target)}, {${fields.join(',')}}}`;
  });
  return `local list = {${rows.join(',\n')}}
local i = 0
function request()
  i = i % #list + 1
  return wrk.format("GET", list[i][1], list[i][2])
end
`;
}

/** Lua reads strings of plain characters as JSON does. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
