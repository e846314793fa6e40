import { sha256 } from '@mirror/core';
import { textAnswer } from '../http/answer.ts';
import type { Answer } from '../http/answer.ts';
import { configJson } from '../registry/config-json.ts';
import type { CratePage } from '../registry/sparse-index.ts';
import type { AppCall } from './app.ts';

/** `/index/config.json` and `/index/se/rd/serde`. */
export async function answerIndex(call: AppCall): Promise<Answer | undefined> {
  const { parts, isFolder } = call.target;
  if (isFolder) return undefined;
  const indexPath = parts.slice(1).join('/');
  if (indexPath === 'config.json') return answerConfig(call.address);
  if (indexPath === 'info/refs') return gitRefusal(call.address);
  const page = await call.context.mirror.index.find(indexPath);
  if (page === undefined) return textAnswer('index', 404, 'not in this index\n');
  const known = answers.get(page);
  if (known !== undefined) return known;
  const answer = answerOf(page);
  answers.set(page, answer);
  return answer;
}

/** As long as a page is kept in memory, its answer is too, and all that is made from it. */
const answers = new WeakMap<CratePage, Answer>();

function answerOf({ bytes, gzip, sha256: digest }: CratePage): Answer {
  return {
    route: 'index',
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'public, max-age=60' },
    body: { size: bytes.length, bytes, ...(gzip === undefined ? {} : { gzip }) },
    digest,
  };
}

/** git clients, and cargo without `sparse+` in front of the address, ask for this first. git shows the text. */
export function gitRefusal(address: string): Answer {
  return textAnswer(
    'index',
    404,
    `this index is not a git repository: it speaks the sparse protocol. In cargo's configuration write\n    registry = "sparse+${address}/index/"\nwith sparse+ in front of the address\n`,
  );
}

/** It depends on how the client calls the server, so nobody between may keep it. */
function answerConfig(address: string): Answer {
  const text = configJson({ dl: `${address}/crates`, api: address });
  const headers = {
    'content-type': 'application/json',
    'cache-control': 'private, no-cache',
    vary: 'host, x-forwarded-host, x-forwarded-proto, x-forwarded-prefix',
  };
  return { ...textAnswer('config', 200, text, headers), digest: sha256(Buffer.from(text)) };
}
