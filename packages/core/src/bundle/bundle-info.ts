import { MirrorError, messageOf } from '../errors.ts';
import { isSha256, sha256, type Sha256 } from '../io/digest.ts';
import { skippableContent, skippableFrame } from './zstd-frame.ts';

/** What a bundle says of itself, in a skippable frame before its seek table. */
export interface BundleInfo {
  /** What compressed it: another codec or version may give other bytes for the same input. */
  readonly codec: string;
  readonly level: number;
  readonly entryCount: number;
  /** Digest of the index that belongs to it. */
  readonly indexSha256: Sha256;
}

/** `info` as a skippable frame: a line of JSON, and a line with the SHA-256 of the JSON. */
export function encodeInfoFrame({ codec, level, entryCount, indexSha256 }: BundleInfo): Buffer {
  const json = JSON.stringify({
    schema_version: 1,
    format: FORMAT,
    codec,
    level,
    entries: entryCount,
    index_sha256: indexSha256,
  });
  return skippableFrame(Buffer.from(`${json}\n${sha256(Buffer.from(json))}\n`));
}

/** The largest info frame that is read, in bytes. */
export const MAX_INFO_BYTES: number = 64 * 1024;

/**
 * What the info frame `frame` says.
 *
 * @throws {MirrorError} ERR_INTEGRITY when it is something else, or of a version that this program does not know
 */
export function parseInfoFrame(frame: Buffer, where: string): BundleInfo {
  const content = skippableContent(frame);
  if (content === undefined) throw notABundle(where, 'no description before the seek table');
  const { schema_version: version, format, codec, level, entries, index_sha256: indexSha256 } = parse(content, where);
  if (format !== FORMAT) throw notABundle(where, 'not described as a bundle');
  if (version !== 1) throw notABundle(where, `schema version ${String(version)}, this program knows 1`);
  if (typeof codec !== 'string' || typeof level !== 'number' || typeof entries !== 'number' || !isSha256(indexSha256)) {
    throw notABundle(where, 'an incomplete description');
  }
  return { codec, level, entryCount: entries, indexSha256 };
}

const FORMAT = 'mirror-bundle';

function parse(content: Buffer, where: string): Record<string, unknown> {
  const [json = '', digest] = content.toString().split('\n');
  if (digest !== sha256(Buffer.from(json))) throw notABundle(where, 'a damaged description');
  try {
    return Object(JSON.parse(json)) as Record<string, unknown>;
  } catch (error) {
    throw notABundle(where, `a damaged description: ${messageOf(error)}`);
  }
}

function notABundle(where: string, fault: string): MirrorError {
  return new MirrorError('ERR_INTEGRITY', `${where}: ${fault}`, {
    hint: 'the file is damaged, or it is an archive of another kind',
  });
}
