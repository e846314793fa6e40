import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { textAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import type { Fault, Stage } from './fault.ts';
import { misrange } from './misrange.ts';
import { redirectTarget } from './redirect-target.ts';

/** Send the right answer. */
export function sendAnswer(exchange: Exchange, { status, headers, body }: Answer): void {
  exchange.head(status, headers);
  exchange.end(body);
}

/**
 * Send `answer` spoilt by `fault`. Resolves when nothing more will be sent.
 *
 * @param otherOrigin - where redirects to the other port lead
 */
export async function spoilAnswer(
  exchange: Exchange,
  fault: Fault,
  answer: Answer,
  otherOrigin: string,
): Promise<void> {
  switch (fault.kind) {
    case 'status':
      return sendAnswer(exchange, statusAnswer(fault));
    case 'reset':
      await sendUpTo(exchange, answer, fault.after ?? 'request');
      return exchange.abort('stream');
    case 'disconnect':
      await sendUpTo(exchange, answer, fault.after ?? 'request');
      return exchange.abort('connection');
    case 'stall':
      return sendUpTo(exchange, answer, fault.after ?? 'request');
    case 'truncate':
      await sendShare(exchange, answer, fault.share ?? 0.5);
      return exchange.hangUp();
    case 'wrong-length':
      return sendAnswer(exchange, resized(answer, fault.bytes ?? 7, fault.chunked === true));
    case 'overrun':
      exchange.head(answer.status, answer.headers);
      return exchange.end(Buffer.concat([answer.body, Buffer.alloc(fault.bytes ?? 7, '!')]));
    case 'huge-length':
      return sendShare(exchange, withHeaders(answer, { 'content-length': fault.bytes ?? 200e9 }), 1);
    case 'endless':
      return sendWithoutEnd(exchange, answer);
    case 'empty':
      return sendAnswer(exchange, rebodied(answer, Buffer.alloc(0)));
    case 'corrupt':
      return sendAnswer(exchange, rebodied(answer, flipBit(answer.body)));
    case 'html':
      return sendAnswer(
        exchange,
        textAnswer(200, '<!doctype html><title>Log in to this network</title>\n', { 'content-type': 'text/html' }),
      );
    case 'encoded':
      return sendAnswer(exchange, withHeaders(rebodied(answer, gzipSync(answer.body)), { 'content-encoding': 'gzip' }));
    case 'redirect': {
      const location = redirectTarget(fault.to ?? 'other', exchange.target, otherOrigin);
      return sendAnswer(exchange, textAnswer(fault.status ?? 302, 'it is elsewhere\n', { location }));
    }
    case 'slow':
      return sendSlowly(exchange, answer, fault.bytesPerSecond ?? 4096);
    case 'late':
      await pause(fault.ms ?? 100, exchange);
      return sendAnswer(exchange, answer);
    case 'bad-range':
      return sendAnswer(exchange, misrange(answer, fault.how ?? 'ignore'));
    case 'big-headers':
      return sendAnswer(exchange, withHeaders(answer, { 'x-padding': 'x'.repeat(fault.bytes ?? 65_536) }));
    case 'informational':
      exchange.inform(102);
      exchange.inform(103);
      return sendAnswer(exchange, answer);
    case 'chunked':
      return sendAnswer(exchange, withHeaders(answer, { 'content-length': undefined }));
    case 'until-close':
      return sendRaw(
        exchange,
        Buffer.concat([bareHead(answer), exchange.method === 'HEAD' ? Buffer.alloc(0) : answer.body]),
      );
    case 'close':
      return sendAnswer(exchange, withHeaders(answer, { connection: 'close' }));
    case 'raw':
      return sendRaw(exchange, Buffer.from(fault.text ?? 'SSH-2.0-OpenSSH_9.2\r\n', 'latin1'));
  }
}

function statusAnswer(fault: Extract<Fault, { kind: 'status' }>): Answer {
  const seconds = fault.retryAfter === 'date' ? (fault.retryAfterSeconds ?? 1) : fault.retryAfter;
  const value =
    fault.retryAfter === 'date' ? new Date(Date.now() + (seconds ?? 1) * 1000).toUTCString() : String(seconds);
  return textAnswer(
    fault.status,
    `status ${fault.status}\n`,
    fault.retryAfter === undefined ? {} : { 'retry-after': value },
  );
}

async function sendUpTo(exchange: Exchange, answer: Answer, stage: Stage): Promise<void> {
  if (stage !== 'request') await sendShare(exchange, answer, stage === 'half' ? 0.5 : 0);
  // What was written must have left before the connection is torn down, or the client sees none of it.
  if (stage !== 'request') await pause(20, exchange);
}

async function sendShare(exchange: Exchange, answer: Answer, share: number): Promise<void> {
  exchange.head(answer.status, answer.headers);
  exchange.flush();
  if (share > 0 && exchange.method !== 'HEAD')
    await exchange.write(answer.body.subarray(0, Math.ceil(answer.body.length * share)));
}

async function sendSlowly(exchange: Exchange, answer: Answer, bytesPerSecond: number): Promise<void> {
  const step = Math.max(1, Math.ceil(bytesPerSecond / 20));
  exchange.head(answer.status, answer.headers);
  exchange.flush();
  for (let at = 0; at < answer.body.length && !exchange.over.aborted; at += step) {
    await exchange.write(answer.body.subarray(at, at + step));
    await pause((1000 * step) / bytesPerSecond, exchange);
  }
  exchange.end();
}

async function sendWithoutEnd(exchange: Exchange, answer: Answer): Promise<void> {
  const { status, headers } = withHeaders(answer, { 'content-length': undefined });
  exchange.head(status, headers);
  const part = Buffer.alloc(65_536, 'endless ');
  while (!exchange.over.aborted) {
    await exchange.write(part);
    await pause(1, exchange);
  }
}

function sendRaw(exchange: Exchange, bytes: Buffer): void {
  if (exchange.raw(bytes)) exchange.hangUp();
  else exchange.abort('stream');
}

function bareHead({ status, headers }: Answer): Buffer {
  const fields = Object.entries(headers).filter(([name]) => name !== 'content-length');
  const lines = [
    `HTTP/1.1 ${status} OK`,
    ...fields.map(([name, value]) => `${name}: ${String(value)}`),
    'connection: close',
    '',
    '',
  ];
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

function resized(answer: Answer, bytes: number, isChunked: boolean): Answer {
  const body = bytes < 0 ? answer.body.subarray(0, bytes) : Buffer.concat([answer.body, Buffer.alloc(bytes, '!')]);
  const changed = rebodied(answer, body);
  return isChunked ? withHeaders(changed, { 'content-length': undefined }) : changed;
}

function rebodied(answer: Answer, body: Buffer): Answer {
  return { ...answer, body, headers: { ...answer.headers, 'content-length': body.length } };
}

function withHeaders(answer: Answer, more: Answer['headers']): Answer {
  const headers = Object.entries({ ...answer.headers, ...more }).filter(([, value]) => value !== undefined);
  return { ...answer, headers: Object.fromEntries(headers) };
}

function flipBit(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const middle = copy.length >> 1;
  if (copy.length > 0) copy[middle]! ^= 1;
  return copy;
}

async function pause(ms: number, exchange: Exchange): Promise<void> {
  await sleep(ms, undefined, { signal: exchange.over }).catch(() => undefined); // over: nobody to wait for
}
