import { MirrorError } from '@mirror/core/errors';

/** A packet with content, or one of the three that only divide. */
export type Packet = Buffer | 'flush' | 'delim' | 'end';

/** The divider between the command and its arguments. */
export const DELIM = '0001';
/** The end of a request. */
export const FLUSH = '0000';

const DIVIDERS: readonly Packet[] = ['flush', 'delim', 'end'];
const MAX_PACKET = 65_520;

/** One line of a request, with its length in front. */
export function pktLine(text: string): string {
  return (Buffer.byteLength(text) + 5).toString(16).padStart(4, '0') + text + '\n';
}

/**
 * Cut a body into packets. Each packet is a view of a piece that must not be kept beyond the next step.
 *
 * @throws {MirrorError} ERR_NETWORK when the body ends inside a packet; ERR_HTTP when it is not in this format
 * @see https://git-scm.com/docs/gitprotocol-common#_pkt_line_format
 */
export async function* readPackets(body: AsyncIterable<Uint8Array>): AsyncGenerator<Packet, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of body) {
    const view = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const bytes = rest.length === 0 ? view : Buffer.concat([rest, view]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = packetLength(bytes, at);
      if (length < 4) {
        const divider = DIVIDERS[length];
        if (divider === undefined) throw malformed('length 3');
        yield divider;
        at += 4;
        continue;
      }
      if (bytes.length - at < length) break;
      yield bytes.subarray(at + 4, at + length);
      at += length;
    }
    rest = bytes.subarray(at);
  }
  if (rest.length > 0) throw new MirrorError('ERR_NETWORK', 'git server: the answer ends inside a packet');
}

function packetLength(bytes: Buffer, at: number): number {
  const text = bytes.toString('latin1', at, at + 4);
  const length = /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : -1;
  if (length < 0 || length > MAX_PACKET) throw malformed(`length ${JSON.stringify(text)}`);
  return length;
}

function malformed(what: string): MirrorError {
  return new MirrorError('ERR_HTTP', `git server: not a packet stream (${what})`, {
    hint: 'is the address that of a git repository served over smart HTTP?',
  });
}
