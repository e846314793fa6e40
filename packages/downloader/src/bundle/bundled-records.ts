import { createReadStream, existsSync } from 'node:fs';
import { readLines } from '@mirror/core/io';
import { createFingerprintSet, fingerprintOf } from '@mirror/core/mirror';
import type { Sha256 } from '@mirror/core/io';

/** Which files the manifest says to be in a bundle. */
export interface BundledRecords {
  has(path: string, sha256: Sha256): boolean;
  note(path: string, sha256: Sha256): void;
}

/** Read a manifest for its records with a `bundle`. Costs eight bytes for each, doubled for room. A missing manifest has none. */
export async function readBundledRecords(manifest: string | undefined): Promise<BundledRecords> {
  const known = createFingerprintSet();
  const records: BundledRecords = {
    has: (path, sha256) => known.has(fingerprintOf(sha256 + path)),
    note: (path, sha256) => {
      known.add(fingerprintOf(sha256 + path));
    },
  };
  if (manifest === undefined || !existsSync(manifest)) return records;
  for await (const { text } of readLines(createReadStream(manifest, { highWaterMark: 1 << 20 }))) {
    if (text?.includes('"bundle":"') !== true) continue;
    const { ok, path, sha256 } = parse(text);
    if (ok === true && typeof path === 'string' && typeof sha256 === 'string') records.note(path, sha256);
  }
  return records;
}

/** A line that is no record claims nothing. */
function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
