import { makeRegistry } from '@mirror-tools/fake-registry';
import type { MadeVersion, MakeOptions } from '@mirror-tools/fake-registry';
import { createBundleWriter, layoutPath } from '@mirror/core';
import type { Layout } from '@mirror/core';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createApp, openMirror, serve, watchMirror } from '../dist/index.js';
import type { AddressSettings, MirrorOptions, RunningServer, ServeOptions } from '../dist/index.js';

/** A mirror on disk with everything a test may want of it. */
export interface Fixture {
  readonly dir: string;
  readonly indexDir: string;
  readonly versions: readonly MadeVersion[];
  readonly filesOf: ReadonlyMap<string, Buffer>;
  /** The index file at `se/rd/serde`. */
  readonly indexOf: ReadonlyMap<string, string>;
  /** Write all crate files in a layout; the folder. */
  loose(layout: Layout): string;
  /** Put all crate files into bundles; the folder. */
  bundles(): Promise<string>;
}

/** Make a registry below `dir`; crate files only when they are asked for. */
export function makeFixture(dir: string, options: MakeOptions = { crates: 40 }): Fixture {
  const indexDir = path.join(dir, 'index');
  const versions: MadeVersion[] = [];
  const filesOf = new Map<string, Buffer>();
  const indexOf = new Map<string, string>();
  for (const crate of makeRegistry(options)) {
    write(path.join(indexDir, crate.indexPath), crate.indexText);
    indexOf.set(crate.indexPath, crate.indexText);
    crate.versions.forEach((version, i) => {
      versions.push(version);
      filesOf.set(`${version.name} ${version.vers}`, crate.files[i]!);
    });
  }
  writeFileSync(
    path.join(indexDir, 'config.json'),
    '{"dl":"https://static.crates.io/crates","api":"https://crates.io"}',
  );
  return {
    dir,
    indexDir,
    versions,
    filesOf,
    indexOf,
    loose(layout) {
      const root = path.join(dir, `out-${layout}`);
      for (const { name, vers } of versions)
        write(path.join(root, layoutPath(layout, name, vers)), filesOf.get(`${name} ${vers}`)!);
      return root;
    },
    async bundles() {
      const folder = path.join(dir, 'bundles');
      const writer = await createBundleWriter({ dir: folder, targetBytes: 64 * 1024 });
      for (const { name, vers, cksum, size } of versions) {
        const body = filesOf.get(`${name} ${vers}`)!;
        await writer.add({ path: layoutPath('shard', name, vers), name, vers, sha256: cksum, size, body });
      }
      await writer.close();
      return folder;
    },
  };
}

/** A server that is closed with everything below it. */
export interface TestServer extends RunningServer {
  readonly counted: Promise<void>;
}

/** Serve a mirror on a free port; nothing is believed without a look at the disk. */
export async function serveMirror(
  options: MirrorOptions,
  more: { readonly address?: Partial<AddressSettings>; readonly notes?: readonly string[] } & Partial<
    Omit<ServeOptions, 'app'>
  > = {},
): Promise<TestServer> {
  const mirror = await openMirror({ believeMs: 0, viewMs: 0, bundleRefreshMs: 0, ...options });
  const watch = watchMirror(
    { indexDir: options.indexDir, roots: options.roots, bundleDirs: options.bundleDirs ?? [] },
    0,
  );
  const { address, notes = [], ...serving } = more;
  const app = createApp({ mirror, watch, address: { basePath: '', trustProxy: false, ...address }, notes });
  const server = await serve({ app, host: '127.0.0.1', port: 0, ...serving });
  return {
    url: server.url,
    counted: watch.ready,
    async close(graceMs = 1000) {
      await server.close(graceMs);
      await watch.close();
      await mirror.close();
    },
  };
}

export function write(file: string, content: string | Buffer): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}
