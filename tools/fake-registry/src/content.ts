import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { makeRegistry } from './make-registry.ts';
import type { MadeVersion, MakeOptions } from './make-registry.ts';
import { readVersions } from './write-registry.ts';

/** A file that can be served. */
export interface Resource {
  readonly body: Buffer;
  /** A strong validator, with its quotes. */
  readonly etag: string;
}

/** What a registry serves: `index/…` and `crates/{name}/{name}-{vers}.crate`. */
export interface Content {
  readonly versions: readonly MadeVersion[];
  find(resourcePath: string): Resource | undefined;
}

/** A registry made now and kept in memory. */
export function contentInMemory(options: MakeOptions): Content {
  const versions: MadeVersion[] = [];
  const resources = new Map<string, Resource>();
  for (const crate of makeRegistry(options)) {
    const digest = createHash('sha256').update(crate.indexText).digest('hex');
    resources.set(`index/${crate.indexPath}`, { body: Buffer.from(crate.indexText), etag: etagOf(digest) });
    crate.versions.forEach((version, index) => {
      resources.set(`crates/${version.path}`, { body: crate.files[index]!, etag: etagOf(version.cksum) });
    });
    versions.push(...crate.versions);
  }
  return { versions, find: (resourcePath) => resources.get(resourcePath) };
}

/**
 * The registry written to `dir`, read file by file as it is asked for, so that changes made to the folder are served at
 * once. Files are kept in memory, as they were at first, until `cacheBytes` are.
 */
export function contentOfFolder(dir: string, cacheBytes = 0): Content {
  const cache = new Map<string, Resource>();
  let room = cacheBytes;
  function find(resourcePath: string): Resource | undefined {
    const kept = cache.get(resourcePath);
    if (kept !== undefined) return kept;
    const resource = isPlain(resourcePath) ? readResource(path.join(dir, resourcePath)) : undefined;
    if (resource !== undefined && resource.body.length <= room) {
      room -= resource.body.length;
      cache.set(resourcePath, resource);
    }
    return resource;
  }
  return { versions: readVersions(dir), find };
}

function etagOf(digest: string): string {
  return `"${digest.slice(0, 32)}"`;
}

/** No way out of the folder: no empty, `.` or `..` part, no backslash, no NUL. */
function isPlain(resourcePath: string): boolean {
  return resourcePath.split('/').every((part) => /^(?!\.{1,2}$)[^\\\0]+$/.test(part));
}

// One open file, so that size, time and bytes belong together.
function readResource(file: string): Resource | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return undefined;
    const body = Buffer.allocUnsafeSlow(stat.size);
    for (let at = 0; at < body.length;) {
      const count = readSync(descriptor, body, at, body.length - at, null);
      if (count === 0) return undefined;
      at += count;
    }
    return { body, etag: `"${stat.mtimeMs.toString(16)}-${stat.size.toString(16)}"` };
  } finally {
    closeSync(descriptor);
  }
}
