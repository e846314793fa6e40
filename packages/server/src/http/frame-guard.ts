import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** How much of what costs the server work and the client nothing one HTTP/2 connection may send. */
export interface FrameBudget {
  /** Frames of these kinds at once: RST_STREAM, PING, SETTINGS and PRIORITY together. */
  readonly burst: number;
  /** And so many more each second. */
  readonly perSecond: number;
}

/** Far more than a client that means well needs: cargo cancels nothing, a browser what is on the page that was left. */
export const FRAME_BUDGET: FrameBudget = { burst: 100, perSecond: 10 };

/**
 * The decrypted bytes of an HTTP/2 connection on their way to and from `socket`, with an eye on what comes in. A request that is cancelled
 * at once costs a few bytes to send and a file to open; thousands of them took all memory, or met an assertion of node:http2 that ends the
 * process. So the frames are counted before node:http2 sees them, and with the first one too many nothing comes in any more.
 *
 * @param onFlood - called once, at the first frame that is too many; it should end the session
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-10.5
 */
export function guardFrames(socket: Socket, budget: FrameBudget, onFlood: () => void): Duplex {
  const isFlood = createFrameCounter(budget);
  let isOver = false;
  const guarded = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
    writev(chunks, done) {
      socket.cork();
      chunks.forEach(({ chunk }, i) => void socket.write(chunk as Buffer, i === chunks.length - 1 ? done : undefined));
      socket.uncork();
    },
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  guarded.on('error', () => undefined); // the session says what there is to say
  socket.on('data', (bytes: Buffer) => {
    if (isOver) return;
    if (isFlood(bytes, Date.now())) {
      isOver = true;
      onFlood();
    } else if (!guarded.push(bytes)) socket.pause();
  });
  socket.on('end', () => guarded.push(null));
  socket.on('error', (error) => guarded.destroy(error));
  socket.on('close', () => guarded.destroy());
  return guarded;
}

/** Reads the heads of frames as bytes come in; true from the first frame that is too many. */
export function createFrameCounter({ burst, perSecond }: FrameBudget): (bytes: Buffer, nowMs: number) => boolean {
  /** Bytes that are no head: of the preface, or of a frame's payload. */
  let skip = PREFACE_BYTES;
  const head = Buffer.alloc(HEAD_BYTES);
  let headBytes = 0;
  let left = burst;
  let since: number | undefined;
  return (bytes, nowMs) => {
    left = Math.min(burst, left + ((nowMs - (since ?? nowMs)) / 1000) * perSecond);
    since = nowMs;
    for (let at = 0; at < bytes.length;) {
      if (skip > 0) {
        const skipped = Math.min(skip, bytes.length - at);
        skip -= skipped;
        at += skipped;
        continue;
      }
      head[headBytes++] = bytes[at++]!;
      if (headBytes < HEAD_BYTES) continue;
      headBytes = 0;
      skip = head.readUIntBE(0, 3);
      if (COSTLY.has(head[TYPE_AT]!)) left--;
    }
    return left < 0;
  };
}

const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;
const TYPE_AT = 3;
/** PRIORITY, RST_STREAM, SETTINGS, PING. */
const COSTLY: ReadonlySet<number> = new Set([2, 3, 4, 6]);
