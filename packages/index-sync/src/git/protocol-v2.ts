import { MirrorError } from '@mirror/core/errors';
import { isObjectId } from '@mirror/core/git';
import type { GitLimits } from './limits.ts';
import { DELIM, FLUSH, pktLine, readPackets, type Packet } from './pkt-line.ts';
import { otherObjectFormat } from './object-format.ts';
import type { SmartHttp } from './smart-http.ts';

/** Where a branch of the server stands. */
export interface RemoteHead {
  /** `refs/heads/master` */
  readonly ref: string;
  readonly commit: string;
}

/** What is asked of a server. */
export interface PackRequest {
  readonly want: string;
  /** A commit all of whose objects are here; the pack may then stand on them. */
  readonly have?: string | undefined;
  /** Commits at which the history here is cut. */
  readonly shallow: readonly string[];
  /** Milliseconds that a server may spend on signs of life without sending any of the pack. */
  readonly patienceMs: number;
}

/** The beginning of an answer; the pack follows as it is read. */
export interface PackAnswer {
  /** Commits at which the history must now be cut. */
  readonly shallow: readonly string[];
  /** Commits at which it need not be cut any longer. */
  readonly unshallow: readonly string[];
  readonly pack: AsyncIterable<Buffer>;
}

/**
 * Check that the server speaks version 2 of the protocol and can cut a history.
 *
 * @throws {MirrorError} ERR_HTTP when it cannot
 * @see https://git-scm.com/docs/protocol-v2#_capability_advertisement
 */
export async function requireVersion2(http: SmartHttp): Promise<void> {
  const capabilities: string[] = [];
  for await (const packet of readPackets(await http.advertise())) {
    if (typeof packet !== 'string' && capabilities.length < 1000) capabilities.push(lineOf(packet));
  }
  const fetch = capabilities.find((line) => /^fetch(=|$)/.test(line));
  const format = capabilities.find((line) => line.startsWith('object-format='));
  if (!capabilities.includes('version 2') || fetch === undefined || !/[= ]shallow( |$)/.test(fetch)) {
    throw lacking(http.url, 'does not speak version 2 of the git protocol with shallow fetches');
  }
  if (format !== undefined && format !== 'object-format=sha1')
    throw otherObjectFormat(http.url, format.slice('object-format='.length));
}

/**
 * Ask where `branch` stands (`refs/heads/…`); without one, the branch that HEAD of the server stands for.
 *
 * @throws {MirrorError} ERR_HTTP when there is no such branch
 * @see https://git-scm.com/docs/protocol-v2#_ls_refs
 */
export async function remoteHead(http: SmartHttp, branch: string | undefined, limits: GitLimits): Promise<RemoteHead> {
  const asked = branch ?? 'HEAD';
  const body = pktLine('command=ls-refs') + DELIM + pktLine('symrefs') + pktLine(`ref-prefix ${asked}`) + FLUSH;
  let count = 0;
  let found: RemoteHead | undefined;
  for await (const packet of readPackets(await http.call(body))) {
    if (typeof packet === 'string') continue;
    if (++count > limits.refs) throw new MirrorError('ERR_HTTP', `${http.url}: more than ${limits.refs} refs`);
    const [commit = '', name, ...attributes] = lineOf(packet).split(' ');
    if (name !== asked || !isObjectId(commit)) continue;
    const target = attributes
      .find((attribute) => attribute.startsWith('symref-target:'))
      ?.slice('symref-target:'.length);
    found = { ref: branch ?? target ?? 'refs/heads/master', commit };
  }
  if (found === undefined)
    throw new MirrorError('ERR_HTTP', `${http.url}: no ${asked} there`, { hint: '--branch names another branch' });
  if (!isUsableBranch(found.ref)) {
    throw new MirrorError('ERR_HTTP', `${http.url}: unusable branch name ${JSON.stringify(found.ref)}`);
  }
  return found;
}

// it becomes a path of files, so it keeps to what is plain everywhere; https://git-scm.com/docs/git-check-ref-format
function isUsableBranch(ref: string): boolean {
  const parts = ref.split('/');
  const isPlain = (part: string): boolean =>
    /^[\w+=,%#@!-][\w+=,%#@!.-]*$/.test(part) && !/\.\.|\.$|\.lock$/.test(part);
  return parts.length > 2 && ref.startsWith('refs/heads/') && ref.length < 200 && parts.every(isPlain);
}

/**
 * Ask for one commit without its history. With `have` the pack is thin: it may hold differences against objects of that
 * commit, which keeps an update at a few megabytes where the whole index has hundreds.
 *
 * @throws {MirrorError} ERR_HTTP for what the server refuses; ERR_NETWORK when the answer ends too early
 * @see https://git-scm.com/docs/protocol-v2#_fetch
 */
export async function requestPack(
  http: SmartHttp,
  request: PackRequest,
  onProgress: (text: string) => void,
): Promise<PackAnswer> {
  const lines = ['thin-pack', 'ofs-delta', 'no-progress', 'deepen 1'];
  lines.push(...request.shallow.map((id) => `shallow ${id}`), `want ${request.want}`);
  if (request.have !== undefined) lines.push(`have ${request.have}`);
  const body = pktLine('command=fetch') + DELIM + [...lines, 'done'].map(pktLine).join('') + FLUSH;
  const packets = readPackets(await http.call(body));
  const shallow: string[] = [];
  const unshallow: string[] = [];
  let section = '';
  for (;;) {
    const { value: packet, done } = await packets.next();
    if (done === true) throw cutOff(http.url);
    if (typeof packet === 'string') {
      if (packet === 'flush') throw new MirrorError('ERR_HTTP', `${http.url}: the answer holds no pack`);
      section = '';
      continue;
    }
    const line = lineOf(packet);
    if (line.startsWith('ERR ')) throw new MirrorError('ERR_HTTP', `${http.url}: ${line.slice(4)}`);
    if (section === '') {
      section = line;
      if (section === 'packfile')
        return { shallow, unshallow, pack: packBytes(http.url, packets, request.patienceMs, onProgress) };
      continue;
    }
    const [word, id = ''] = line.split(' ');
    if (section !== 'shallow-info' || !isObjectId(id)) continue;
    if (word === 'shallow') shallow.push(id);
    if (word === 'unshallow') unshallow.push(id);
  }
}

// https://git-scm.com/docs/protocol-v2: 1 the pack, 2 progress, 3 a fatal error
async function* packBytes(
  url: string,
  packets: AsyncGenerator<Packet>,
  patienceMs: number,
  onProgress: (text: string) => void,
): AsyncGenerator<Buffer> {
  let since = performance.now(); // a piece of the pack was there, and the reader was done with it
  for await (const packet of packets) {
    if (packet === 'flush') return;
    if (typeof packet === 'string')
      throw new MirrorError('ERR_HTTP', `${url}: unexpected ${packet} packet in the pack`);
    const band = packet[0];
    if (band === 1 && packet.length > 1) {
      yield packet.subarray(1);
      since = performance.now();
      continue;
    }
    if (band !== 1 && band !== 2) {
      const text = band === 3 ? packet.toString('utf8', 1, 1000).trim() : `unknown band ${band}`;
      throw new MirrorError('ERR_HTTP', `${url}: ${text}`);
    }
    if (band === 2) onProgress(packet.toString('utf8', 1).trim());
    if (performance.now() - since > patienceMs)
      throw new MirrorError('ERR_NETWORK', `${url}: signs of life, but nothing of the pack for ${patienceMs} ms`);
  }
  throw cutOff(url);
}

function lineOf(packet: Buffer): string {
  return packet.toString('utf8').replace(/\n$/, '');
}

function cutOff(url: string): MirrorError {
  return new MirrorError('ERR_NETWORK', `${url}: the answer ends before the pack does`);
}

function lacking(url: string, what: string): MirrorError {
  return new MirrorError('ERR_HTTP', `${url}: the server ${what}`, {
    hint: '--git-engine system, with an installed git, may read it',
  });
}
