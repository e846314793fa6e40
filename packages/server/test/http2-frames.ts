import { once } from 'node:events';
import tls from 'node:tls';

/** An HTTP/2 connection of which every frame is made by hand, as an attacker has it. */
export interface RawHttp2 {
  /** Ask for `path` on a new stream; the stream's number. */
  request(path: string): number;
  cancel(stream: number): void;
  ping(): void;
  /** Whether the server said goodbye or closed the connection. */
  readonly isOver: boolean;
  close(): void;
}

/** Connect to a server whose certificate is not checked; no data is held back by flow control. */
export async function connectRaw(port: number): Promise<RawHttp2> {
  const socket = tls.connect({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
  let isOver = false;
  let next = 1;
  socket.on('error', () => undefined).on('close', () => (isOver = true));
  await once(socket, 'secureConnect');
  socket.on('data', () => undefined);
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
  settings.writeUInt32BE(2 ** 31 - 1, 2);
  const window = Buffer.alloc(4);
  window.writeUInt32BE(2 ** 30);
  socket.write(
    Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0, settings), frame(WINDOW_UPDATE, 0, 0, window)]),
  );
  return {
    request(path) {
      const stream = next;
      next += 2;
      // GET and https from the static table, then path and authority as literals
      const block = Buffer.concat([Buffer.from([0x82, 0x87]), literal(4, path), literal(1, 'localhost')]);
      socket.write(frame(HEADERS, END_STREAM_AND_HEADERS, stream, block));
      return stream;
    },
    cancel: (stream) => void socket.write(frame(RST_STREAM, 0, stream, Buffer.from([0, 0, 0, 8]))),
    ping: () => void socket.write(frame(PING, 0, 0, Buffer.alloc(8))),
    get isOver() {
      return isOver;
    },
    close: () => void socket.destroy(),
  };
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const [HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE] = [1, 3, 4, 6, 8];
const END_STREAM_AND_HEADERS = 5;
const INITIAL_WINDOW_SIZE = 4;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function literal(name: number, value: string): Buffer {
  return Buffer.concat([Buffer.from([name, value.length]), Buffer.from(value)]);
}
