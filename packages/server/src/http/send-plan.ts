import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Plan } from './plan-answer.ts';
import { goneAway, sendPieces, slowestMs, tooSlow } from './send-pieces.ts';

/** The response of either protocol. */
export type Response = ServerResponse | Http2ServerResponse;

/**
 * Send an answer by way of node:http or node:http2.
 *
 * @throws as `sendPieces`
 */
export async function sendPlan(response: Response, plan: Plan, stallMs: number): Promise<void> {
  response.writeHead(plan.status, plan.headers);
  if (plan.pieces !== undefined) await sendPieces(response, plan.pieces, stallMs);
  await ended(response, plan.bytes, stallMs);
}

/** The same limit as for pieces: a body that is in memory is not kept there by a client that hardly takes it. */
async function ended(response: Response, bytes: Buffer | undefined, stallMs: number): Promise<void> {
  if (isClosed(response)) throw goneAway();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(tooSlow()), slowestMs(bytes?.length ?? 0, stallMs));
    response.once('finish', () => {
      clearTimeout(timer);
      resolve();
    });
    response.once('close', () => {
      clearTimeout(timer);
      if (response.writableEnded) resolve();
      else reject(goneAway());
    });
    if (bytes === undefined) response.end();
    else response.end(bytes);
  });
}

function isClosed(response: Response): boolean {
  return 'stream' in response ? response.stream.destroyed : response.destroyed;
}
