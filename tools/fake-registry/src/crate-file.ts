import { gzip, storedOverhead } from './gzip.ts';
import { crateManifest } from './crate-manifest.ts';
import { crateSource } from './crate-source.ts';
import { randomBytes } from './random.ts';
import { TAR_END, tarHeader, tarPadding } from './tar.ts';
import type { VersionPlan } from './version-plan.ts';

/**
 * The `.crate` file of a version: a gzipped tar of `{name}-{vers}/Cargo.toml`, `src/lib.rs`, `build.rs` where the version
 * needs one, and a `data.bin` that no compressor can shrink and that brings the file to about `bytes` (a few less; a
 * file that is larger already gets no `data.bin`). `cargo build` accepts it.
 */
export function makeCrateFile(plan: VersionPlan, seed: number | string, bytes: number): Buffer {
  const folder = `${plan.name}-${plan.vers}`;
  const text = [
    ...textEntry(`${folder}/Cargo.toml`, crateManifest(plan)),
    ...textEntry(`${folder}/src/lib.rs`, crateSource(plan)),
  ];
  if (plan.links !== undefined) text.push(...textEntry(`${folder}/build.rs`, 'fn main() {}\n'));

  const nothing = Buffer.alloc(0);
  const bare = gzip(Buffer.concat(text), nothing, TAR_END);
  const fillerSize = fillerFor(bytes - bare.length);
  if (fillerSize === 0) return bare;

  const filler = randomBytes(fillerSize, seed, plan.name, plan.vers, 'data.bin');
  const head = Buffer.concat([...text, tarHeader(`${folder}/data.bin`, fillerSize)]);
  return gzip(head, filler, Buffer.concat([tarPadding(fillerSize), TAR_END]));
}

// What a tar header costs when it is deflated after others, and a little.
const HEADER_COST = 60;

function fillerFor(missing: number): number {
  return Math.max(0, missing - HEADER_COST - storedOverhead(Math.max(0, missing)));
}

function textEntry(path: string, text: string): Buffer[] {
  const body = Buffer.from(text);
  return [tarHeader(path, body.length), body, tarPadding(body.length)];
}
