import { afterEach, describe, expect, it } from '@jest/globals';
import { itWith, runBin, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createFrameCounter } from '../dist/http/frame-guard.js';
import { makeFixture, serveMirror } from './fixture.ts';
import type { Fixture, TestServer } from './fixture.ts';
import { connectRaw } from './http2-frames.ts';

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** A certificate for localhost, and a key that is of none. */
function certificate(dir: string): { certFile: string; keyFile: string; otherKey: string } {
  const at = (name: string): string => path.join(dir, name);
  const curve = ['-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', at('key.pem'), '-out', at('cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', ...curve, '-nodes', ...files, ...subject], {
    stdio: 'pipe',
  });
  execFileSync('openssl', ['genpkey', '-algorithm', 'EC', ...curve, '-out', at('other.pem')], { stdio: 'pipe' });
  return { certFile: at('cert.pem'), keyFile: at('key.pem'), otherKey: at('other.pem') };
}

async function start(limits = {}, sizes = 3_000_000): Promise<{ fixture: Fixture; port: number }> {
  const fixture = makeFixture(scratchDir(), { crates: 1, sizes });
  const tls = certificate(fixture.dir);
  server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] }, { tls, limits });
  return { fixture, port: Number(new URL(server.url).port) };
}

const CRATE = '/crates/a/1.0.0/download';

describe('with TLS', () => {
  itWith(['openssl'], 'a crate comes whole over HTTP/2 and HTTP/1.1, and links begin with https', async () => {
    const { fixture, port } = await start();
    const session = http2.connect(server!.url, { rejectUnauthorized: false });
    const body: Buffer[] = [];
    for await (const piece of session.request({ ':path': CRATE })) body.push(piece as Buffer);
    session.close();
    expect(Buffer.concat(body).equals(fixture.filesOf.get('a 1.0.0')!)).toBe(true);
    const text = await new Promise<string>((resolve, reject) => {
      https
        .get(
          { port, host: '127.0.0.1', path: '/index/config.json', rejectUnauthorized: false, agent: false },
          (answer) => {
            answer.setEncoding('utf8').once('data', resolve);
          },
        )
        .on('error', reject);
    });
    expect(JSON.parse(text)).toEqual({ dl: `${server!.url}/crates`, api: server!.url });
  });

  itWith(['openssl'], 'connections that never begin the handshake, or trickle it, are let go', async () => {
    const { port } = await start({ headerMs: 300 });
    const sockets = Array.from({ length: 20 }, () => net.connect(port, '127.0.0.1').on('error', () => undefined));
    const trickle = setInterval(() => sockets.slice(10).forEach((socket) => void socket.write('\x16')), 50);
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.resume().on('close', resolve))));
    clearInterval(trickle);
  });

  itWith(['openssl'], 'connections in their handshake do not hold up the end', async () => {
    const { port } = await start({ headerMs: 600_000 });
    const silent = net.connect(port, '127.0.0.1').on('error', () => undefined);
    await new Promise((resolve) => silent.on('connect', resolve));
    await sleep(50);
    const gone = new Promise((resolve) => silent.resume().on('close', resolve));
    await server!.close(600_000);
    server = undefined;
    await gone;
  });

  itWith(['openssl'], 'requests that are cancelled at once end the connection, and nothing of them stays', async () => {
    const { port } = await start();
    for (let attack = 0; attack < 4; attack++) {
      const raw = await connectRaw(port);
      for (let round = 0; !raw.isOver && round < 100; round++) {
        const streams = Array.from({ length: 50 }, () => raw.request(CRATE));
        await sleep(attack);
        streams.forEach(raw.cancel);
      }
      while (!raw.isOver) await sleep(10);
    }
    const metrics = async (): Promise<string> => {
      const session = http2.connect(server!.url, { rejectUnauthorized: false });
      let text = '';
      for await (const piece of session.request({ ':path': '/metrics' }).setEncoding('utf8')) text += String(piece);
      session.close();
      return text;
    };
    for (;;) {
      const text = await metrics();
      const [, sent = '0'] = /requests_total\{route="crate",status="499"\} (\d+)/.exec(text) ?? [];
      // 50 rounds of 50 were sent on each connection; what was begun is the budget and one packet more
      expect(Number(sent)).toBeLessThan(4 * 400);
      if (/inflight_requests 1\n/.test(text)) break;
      await sleep(20);
    }
  });
});

describe('the budget of frames', () => {
  const frame = (type: number, payload = 0): Buffer => {
    const bytes = Buffer.alloc(9 + payload);
    bytes.writeUIntBE(payload, 0, 3);
    bytes[3] = type;
    return bytes;
  };
  it('counts what costs the server, however the bytes are cut, and forgets with time', () => {
    const resets = Buffer.concat([Buffer.alloc(24), ...Array.from({ length: 11 }, () => frame(3, 4))]);
    for (const cut of [1, 7, 13, 4096]) {
      const isFlood = createFrameCounter({ burst: 10, perSecond: 1 });
      let found = false;
      for (let at = 0; at < resets.length; at += cut) found = isFlood(resets.subarray(at, at + cut), 0);
      expect([cut, found]).toEqual([cut, true]);
    }
    const isFlood = createFrameCounter({ burst: 10, perSecond: 1 });
    expect(isFlood(resets.subarray(0, 24 + 10 * 13), 0)).toBe(false);
    expect(isFlood(frame(6, 8), 5000)).toBe(false);
    expect(isFlood(Buffer.concat(Array.from({ length: 6 }, () => frame(6, 8))), 5000)).toBe(true);
  });
  it('does not count requests, data and windows', () => {
    const isFlood = createFrameCounter({ burst: 0, perSecond: 0 });
    const many = [1, 0, 8].flatMap((type) => Array.from({ length: 500 }, () => frame(type, 5)));
    expect(isFlood(Buffer.concat([Buffer.alloc(24), ...many]), 0)).toBe(false);
  });
});

describe('a certificate that cannot be used', () => {
  itWith(['openssl'], 'is one clear error and status 2', async () => {
    const fixture = makeFixture(scratchDir(), { crates: 1 });
    const { certFile, keyFile, otherKey } = certificate(fixture.dir);
    const junk = path.join(fixture.dir, 'junk');
    writeFileSync(junk, 'junk\n');
    const places = ['--index-dir', fixture.indexDir, '--root', fixture.loose('shard'), '--listen', ':0'];
    for (const [cert, key, message] of [
      [keyFile, keyFile, /^error: --cert .*key\.pem: expected a certificate in PEM form, found private key/],
      [certFile, otherKey, /^error: --key .*other\.pem: does not belong to the first certificate in .*cert\.pem/],
      [
        certFile,
        certFile,
        /^error: --key .*cert\.pem: expected an unencrypted private key in PEM form, found certificate/,
      ],
      [junk, keyFile, /^error: --cert .*junk: expected a certificate in PEM form, found no PEM block/],
      ['nosuch', keyFile, /^error: --cert nosuch: file not found/],
    ] as const) {
      const { status, stderr } = await runBin(BIN, ['serve', ...places, '--cert', cert, '--key', key]);
      expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
      expect(stderr).not.toMatch(/this is a bug|\n {4}at /);
    }
  });
});
