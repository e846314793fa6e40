import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Response } from './send-plan.ts';

/** The open connections of a server, so that it can end without cutting an answer short. */
export interface Connections {
  /** A connection that was accepted, whatever will be spoken on it. */
  accept(socket: Socket): void;
  /** It has `ms` until `established`; then, or when the server drains, it is closed. */
  expectHandshake(socket: Socket, ms: number): { readonly established: () => void };
  /** HTTP/1.1 begins on this connection: itself, or what came out of its handshake. */
  add(socket: Socket): void;
  /** HTTP/2 begins. */
  addSession(session: ServerHttp2Session): void;
  /** An answer to a request of this HTTP/1.1 connection begins. */
  begin(socket: Socket): void;
  /** It has been handed over to the system. */
  end(socket: Socket): void;
  /** As `begin`, by way of a response; the result is to be called when the answer was handed over to it. */
  beginResponse(socket: Socket, response: Response): () => void;
  /** Whether connections are to end after the answer they are at. */
  readonly isDraining: boolean;
  /** Close what is idle or has not begun now, and everything else as soon as it is. */
  drain(): void;
  /** Close everything now. */
  drop(): void;
}

/** Connections that are told of as they come. */
export function trackConnections(): Connections {
  const accepted = new Set<Socket>();
  const greeting = new Set<Socket>();
  const busy = new Map<Socket, number>();
  const sessions = new Set<ServerHttp2Session>();
  let isDraining = false;

  const change = (socket: Socket, by: number): void => {
    const count = busy.get(socket);
    if (count === undefined) return;
    busy.set(socket, count + by);
    if (isDraining && count + by === 0) socket.end();
  };

  return {
    accept(socket) {
      accepted.add(socket);
      socket.once('close', () => accepted.delete(socket));
    },
    expectHandshake(socket, ms) {
      // a limit of the whole: a socket's own timeout begins anew with each byte
      const timer = setTimeout(() => socket.destroy(), ms);
      const established = (): void => {
        clearTimeout(timer);
        greeting.delete(socket);
      };
      greeting.add(socket);
      socket.once('close', established);
      return { established };
    },
    add(socket) {
      busy.set(socket, 0);
      socket.once('close', () => busy.delete(socket));
    },
    addSession(session) {
      sessions.add(session);
      session.once('close', () => sessions.delete(session));
    },
    begin: (socket) => change(socket, 1),
    end: (socket) => change(socket, -1),
    beginResponse(socket, response) {
      if ('stream' in response) return () => undefined;
      if (isDraining) response.setHeader('connection', 'close');
      change(socket, 1);
      let isOver = false;
      const over = (): void => {
        if (!isOver) change(socket, -1);
        isOver = true;
      };
      return () => {
        if (response.writableFinished || response.destroyed) over();
        else response.once('finish', over).once('close', over);
      };
    },
    get isDraining() {
      return isDraining;
    },
    drain() {
      isDraining = true;
      for (const socket of greeting) socket.destroy();
      for (const [socket, count] of busy) if (count === 0) socket.end();
      for (const session of sessions) session.close();
    },
    drop() {
      for (const session of sessions) session.destroy();
      for (const socket of accepted) socket.destroy();
    },
  };
}
