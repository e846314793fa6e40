import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Plan } from './plan-answer.ts';
import { sendPieces } from './send-pieces.ts';

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
  if (plan.bytes === undefined) response.end();
  else response.end(plan.bytes);
}
