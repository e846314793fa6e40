import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const binOf = (tool: string): string => fileURLToPath(new URL(`../../../${tool}/dist/bin.js`, import.meta.url));
const DIGEST = 'ab'.repeat(32);

// for all of the table: a scratch folder is gone after each test
const shared = mkdtempSync(path.join(os.tmpdir(), 'mirror-table-'));
const index = path.join(shared, 'index');
const server = createServer((request, response) => {
  const file = path.join(index, (request.url ?? '').slice(1));
  if (existsSync(file)) response.end(readFileSync(file));
  else response.writeHead(404).end();
});

beforeAll(async () => {
  const line = (vers: string): string =>
    `${JSON.stringify({ name: 'serde_json', vers, deps: [], cksum: DIGEST, features: {}, yanked: false })}\n`;
  mkdirSync(path.join(index, 'se/rd'), { recursive: true });
  writeFileSync(path.join(index, 'se/rd/serde_json'), line('1.0.0') + line('1.0.1'));
  writeFileSync(path.join(index, 'config.json'), '{"dl":"http://127.0.0.1:9/crates"}');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
  rmSync(shared, { recursive: true, force: true });
});

/** A lock that pins one version. */
function lockOf(vers: string, checksum: string): string {
  const file = path.join(shared, `${vers}-${checksum.slice(0, 2)}.lock`);
  const source = 'registry+https://github.com/rust-lang/crates.io-index';
  writeFileSync(
    file,
    `version = 4\n[[package]]\nname = "serde_json"\nversion = "${vers}"\nsource = "${source}"\nchecksum = "${checksum}"\n`,
  );
  return file;
}

/** The commands that have flags of selection, in a folder of their own; what of it must stay empty when nothing is chosen. */
const COMMANDS: readonly (readonly [string, string, (dir: string) => readonly string[]])[] = [
  [
    'download',
    'downloader',
    (dir) => ['download', '--index-dir', index, '--out', dir, '--manifest', '-', '--retries', '0'],
  ],
  ['plan', 'downloader', (dir) => ['plan', '--index-dir', index, '--out', dir]],
  ['verify', 'downloader', (dir) => ['verify', '--index-dir', index, '--out', dir]],
  ['a set', 'downloader', (dir) => ['export', '--index-dir', index, '--out', dir, '--to', path.join(dir, 'set')]],
  ['sidecars', 'sidecars', (dir) => ['--index-dir', index, '--out', dir]],
  ['sidecars --check', 'sidecars', (dir) => ['--check', '--index-dir', index, '--out', dir]],
  [
    'index-sync',
    'index-sync',
    (dir) => [
      ...['--protocol', 'sparse', '--no-download', '--index-dir', path.join(dir, 'index'), '--index-url'],
      `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`,
    ],
  ],
  ['serve', 'server', (dir) => ['serve', '--index-dir', index, '--root', dir, '--listen', '127.0.0.1:0']],
  ['a static tree', 'server', (dir) => ['export', path.join(dir, 'tree'), '--index-dir', index, '--root', dir]],
];

const CASES: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['a name that is not there', ['--crates', 'nosuch'], 3, /not in the index: nosuch/],
  ['a name that is nearly there', ['--crates', 'serde-json'], 3, /nearest=serde_json/],
  ['a requirement that nothing meets', ['--crates', 'serde_json@^9'], 3, /such a version is not asked=serde_json@\^9/],
  ['a pattern that can match nothing', ['--crates', '['], 2, /expected a name or glob, found "\["/],
  ['no name at all', ['--crates', ','], 2, /expected a name or a file, found nothing/],
  ['a pin that is not there', ['--cargo-lock', lockOf('7.7.7', DIGEST)], 3, /not in the index: serde_json 7\.7\.7/],
  [
    'a pin with another checksum',
    ['--cargo-lock', lockOf('1.0.0', 'cd'.repeat(32))],
    4,
    new RegExp(`serde_json 1\\.0\\.0: the lock pins sha256 ${'cd'.repeat(32)}, the index has ${DIGEST}`),
  ],
  [
    'an empty choice',
    ['--crates', 'serde_json', '--exclude', 'serde*'],
    3,
    /the selection chooses nothing; left out: 2 excluded/,
  ],
];

describe.each(COMMANDS)('%s', (_, tool, argsOf) => {
  it.each(CASES)('tells of %s', async (_case, selection, status, message) => {
    const dir = scratchDir();
    const args = [...argsOf(dir), '--progress=false', ...selection];
    const result = await runBin(binOf(tool), args);
    // the sparse protocol has no list of names to look through
    const isBlind = tool === 'index-sync' && message.source.startsWith('nearest');
    expect(result.stderr).toMatch(isBlind ? /not in the index asked=serde-json/ : message);
    expect(result.status).toBe(status);
    for (const made of ['set', 'tree']) expect(filesIn(path.join(dir, made))).toEqual([]);
  });
});

function filesIn(dir: string): readonly string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}
