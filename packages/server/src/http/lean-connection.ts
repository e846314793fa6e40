import type { Socket } from 'node:net';
import type { Connections } from './connections.ts';
import type { Exchange, Sender } from './exchange.ts';
import { headText } from './head-text.ts';
import { hostPort } from './host-port.ts';
import { readPlainRequest } from './plain-request.ts';
import type { Plan } from './plan-answer.ts';
import { goneAway, sendPieces, slowestMs, tooSlow } from './send-pieces.ts';

/** What the connections of a server share. */
export interface LeanOptions {
  readonly exchange: Exchange;
  readonly connections: Connections;
  /** Takes over a connection for good, from the bytes that it gets next. */
  readonly handOver: (socket: Socket) => void;
  /** Time for the first request to come. */
  readonly headerMs: number;
  /** Time between an answer and the next request. */
  readonly keepAliveMs: number;
  /** Time without a byte while an answer is sent. */
  readonly idleMs: number;
}

/**
 * Answer the requests of a connection as long as each is a plain one, straight from and to the socket: about half the work that
 * node:http has with it. At the first request that is not, the connection is handed over, with all that was not answered yet.
 */
export function leanConnection(socket: Socket, options: LeanOptions): void {
  const { exchange, connections, handOver, headerMs, keepAliveMs, idleMs } = options;
  const remote = socket.remoteAddress ?? '-';
  const localHost = hostPort(socket.localAddress ?? '127.0.0.1', socket.localPort ?? 0);
  const isSecure = (socket as { readonly encrypted?: boolean }).encrypted === true;
  let isBusy = false;
  let hasAnswered = false;
  let hasEnded = false;
  let early: Buffer | undefined;

  const sender: Sender = {
    async send(plan) {
      const isLast = connections.isDraining;
      const head = headText(plan, isLast ? 'connection: close\r\n' : keepAlive(keepAliveMs));
      await endOfTurn();
      write(socket, head, plan);
      if (!socket.writableNeedDrain && plan.pieces === undefined) return;
      socket.setTimeout(idleMs);
      if (plan.pieces !== undefined) await sendPieces(socket, plan.pieces, idleMs);
      if (socket.writableNeedDrain) await drained(socket, slowestMs(plan.bytes?.length ?? 0, idleMs));
      socket.setTimeout(keepAliveMs);
    },
    abort: () => void socket.destroy(),
  };

  const onData = (bytes: Buffer): void => {
    // a client that does not wait for its answer: what it sends waits
    if (isBusy) {
      early = bytes;
      socket.pause();
      return;
    }
    const request = readPlainRequest(bytes);
    if (request === undefined) {
      leave(bytes);
      return;
    }
    isBusy = true;
    connections.begin(socket);
    void exchange({ ...request, httpVersion: '1.1', remote, isSecure, localHost }, sender).then(next);
  };

  const next = (): void => {
    isBusy = false;
    connections.end(socket);
    if (!hasAnswered) socket.setTimeout(keepAliveMs);
    hasAnswered = true;
    if (early !== undefined && !socket.destroyed && !connections.isDraining) leave(early);
    else if (hasEnded || connections.isDraining) socket.end();
  };

  const onEnd = (): void => {
    hasEnded = true;
    if (!isBusy) socket.end();
  };
  const onTimeout = (): void => void socket.destroy();
  const onError = (): void => void socket.destroy();

  const leave = (bytes: Buffer): void => {
    socket.off('data', onData).off('end', onEnd).off('timeout', onTimeout).off('error', onError);
    socket.setTimeout(0);
    handOver(socket);
    socket.unshift(bytes);
    socket.resume();
  };

  socket.setTimeout(headerMs);
  socket.on('error', onError).on('timeout', onTimeout).on('end', onEnd).on('data', onData);
}

function write(socket: Socket, head: string, { bytes }: Plan): void {
  if (bytes === undefined) {
    socket.write(head, 'latin1');
  } else if (bytes.length <= COPIED_BYTES) {
    const all = Buffer.allocUnsafe(head.length + bytes.length);
    all.write(head, 0, 'latin1');
    all.set(bytes, head.length);
    socket.write(all);
  } else {
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(bytes);
    socket.uncork();
  }
}

/** Up to here copying costs less than a call that writes two buffers. */
const COPIED_BYTES = 64 * 1024;

async function drained(socket: Socket, withinMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(tooSlow()), withinMs);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('drain', settle).off('close', settle);
      if (socket.destroyed) reject(goneAway());
      else resolve();
    };
    socket.on('drain', settle).on('close', settle);
  });
}

let turn: Promise<void> | undefined;

/**
 * When all that has arrived by now is worked on. Answers that leave one right after the other find their reader awake; to wake it for each
 * of them takes about as long as all the rest of a small answer.
 */
function endOfTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}

function keepAlive(ms: number): string {
  return `connection: keep-alive\r\nkeep-alive: timeout=${String(Math.floor(ms / 1000))}\r\n`;
}
