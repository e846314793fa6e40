import type { OutgoingHttpHeaders } from 'node:http';

/** What is answered to a request. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: OutgoingHttpHeaders;
}

/** A line of plain text. */
export function textReply(status: number, text: string, headers: OutgoingHttpHeaders = {}): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n`, headers };
}

/** A JSON document. */
export function jsonReply(status: number, value: object, headers: OutgoingHttpHeaders = {}): Reply {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n`, headers };
}
