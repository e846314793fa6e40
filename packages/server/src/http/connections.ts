import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Response } from './send-plan.ts';

/** The open connections of a server, so that it can end without cutting an answer short. */
export interface Connections {
  /** An HTTP/1.1 connection, or one that may become HTTP/2. */
  add(socket: Socket): void;
  /** An HTTP/2 connection. */
  addSession(session: ServerHttp2Session): void;
  /** An answer to a request of this HTTP/1.1 connection begins. */
  begin(socket: Socket): void;
  /** It has been handed over to the system. */
  end(socket: Socket): void;
  /** As `begin`, by way of a response; the result is to be called when the answer was handed over to it. */
  beginResponse(socket: Socket, response: Response): () => void;
  /** Whether connections are to end after the answer they are at. */
  readonly isDraining: boolean;
  /** Close what is idle now, and everything else as soon as it is. */
  drain(): void;
  /** Close everything now. */
  drop(): void;
}

/** Connections that are told of as they come. */
export function trackConnections(): Connections {
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
    add(socket) {
      if ((socket as Socket & { readonly alpnProtocol?: string }).alpnProtocol === 'h2') return;
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
      for (const [socket, count] of busy) if (count === 0) socket.end();
      for (const session of sessions) session.close();
    },
    drop() {
      for (const socket of busy.keys()) socket.destroy();
      for (const session of sessions) session.destroy();
    },
  };
}
