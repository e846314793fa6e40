import { afterEach, describe, expect, it } from '@jest/globals';
import { itWith, openBrowser, scratchDir } from '@mirror-tools/test-support';
import type { Browser } from '@mirror-tools/test-support';
import fc from 'fast-check';
import path from 'node:path';
import { readDependencies } from '../dist/pages/dependency.js';
import { escapeHtml, html } from '@mirror/core';
import { ago } from '../dist/pages/quantities.js';
import { makeFixture, serveMirror, write } from './fixture.ts';
import type { TestServer } from './fixture.ts';

let server: TestServer | undefined;
let browser: Browser | undefined;
afterEach(async () => {
  await browser?.close();
  await server?.close();
  server = browser = undefined;
});

const NASTY = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'`&';

async function start(): Promise<TestServer> {
  const fixture = makeFixture(scratchDir(), { crates: 150 });
  const entry = {
    name: 'nasty',
    vers: '1.0.0',
    deps: [{ name: NASTY, req: NASTY, features: [NASTY], target: NASTY, package: NASTY }],
    cksum: 'a'.repeat(64),
    features: { [NASTY]: [] },
    yanked: true,
    links: NASTY,
    rust_version: NASTY,
  };
  write(path.join(fixture.indexDir, 'na/st/nasty'), `${JSON.stringify(entry)}\n`);
  server = await serveMirror({ indexDir: fixture.indexDir, roots: [fixture.loose('shard')] }, { notes: [NASTY] });
  await server.counted;
  return server;
}

const page = async (target: string): Promise<{ status: number; text: string; headers: Headers }> => {
  const response = await fetch(server!.url + target, { headers: { accept: 'text/html' } });
  return { status: response.status, text: await response.text(), headers: response.headers };
};

describe('a page', () => {
  it('shows whatever an index or a request holds as text', async () => {
    await start();
    for (const target of [
      '/',
      '/crates/nasty',
      `/search?q=${encodeURIComponent(NASTY)}`,
      `/crates/${encodeURIComponent(NASTY.replace('/', ''))}`,
    ]) {
      const { text, headers } = await page(target);
      expect(text).not.toMatch(/<script|<img|onerror=alert\(1\)>'/);
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect((await page('/crates/nasty')).text).toContain(escapeHtml(NASTY));
  });

  it('escapes everything between its own markup', () => {
    fc.assert(
      fc.property(fc.string(), (text) =>
        expect(html`<p title="${text}">${[text]}</p>`.html.match(/[<>"]/g)).toEqual(['<', '"', '"', '>', '<', '>']),
      ),
    );
  });

  it('says what is not there, with the status', async () => {
    await start();
    for (const target of ['/crates/no-such-crate', '/crates/a/9.9.9', '/nothing'])
      expect(await page(target)).toMatchObject({ status: 404, text: expect.stringContaining('Not found') });
  });

  it('leads only to addresses that are there', async () => {
    const { url } = await start();
    const seen = new Set<string>(['/']);
    const wrong: string[] = [];
    for (const target of seen) {
      const response = await fetch(url + target);
      const text = await response.text();
      if (response.status !== 200) wrong.push(`${response.status} ${target}`);
      if (!response.headers.get('content-type')!.startsWith('text/html')) continue;
      for (const [, href] of text.matchAll(/(?:href|action)="([^"]*)"/g))
        seen.add(new URL(href!.replaceAll('&#38;', '&'), url + target).pathname);
    }
    expect(seen.size).toBeGreaterThan(5);
    expect(wrong).toEqual([]);
    for (const name of ['dependency-kinds', 'renamed-dependency', 'Upper_Case-Name', 'plus-versions']) {
      const { text } = await page(`/crates/${name}`);
      const links = [...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!);
      for (const link of links) expect([link, (await fetch(url + link)).status]).toEqual([link, 200]);
    }
  });

  itWith(
    ['chromium'],
    'can be clicked through in a browser without JavaScript, on a phone and in the dark',
    async () => {
      const { url } = await start();
      browser = await openBrowser();
      for (const [width, scheme] of [
        [360, 'light'],
        [1200, 'dark'],
      ] as const) {
        await browser.look(width, scheme);
        await browser.go(`${url}/`);
        expect(await browser.text('h1')).toBe('Build Rust from this mirror');
        expect(await browser.text('pre')).toContain(`registry = "sparse+${url}/index/"`);
        expect(await browser.text('dl')).toMatch(/151\s*crates|crates\s*151/);
        await browser.type('input[name=q]', 'dependency');
        await browser.submit('form');
        expect(await browser.text('.lead')).toBe('2 crates with this in the name');
        await browser.click('.hits a[href$="/crates/dependency-kinds"]');
        expect(await browser.text('h1')).toBe('dependency-kinds 0.2.0');
        expect(await browser.text('.hits')).toContain('on cfg(windows)');
        await browser.click('tbody tr:nth-child(2) a');
        expect(await browser.text('h1')).toBe('dependency-kinds 0.1.0');
        await browser.go(`${url}/crates/long-version/`);
        expect(await browser.isTooWide()).toBe(false);
        await browser.go(`${url}/search?q=a&page=2`);
        expect(await browser.text('.lead')).toContain('page 2 of');
        expect(await browser.isTooWide()).toBe(false);
      }
      expect(browser.complaints).toEqual([]);
    },
    120_000,
  );
});

describe('what people read', () => {
  it.each([
    [5, 'just now'],
    [90, '90 seconds ago'],
    [180, '3 minutes ago'],
    [3 * 3600, '3 hours ago'],
    [47 * 3600, '47 hours ago'],
    [3 * 86_400, '3 days ago'],
    [800 * 86_400, '2 years ago'],
    [-50, 'just now'],
  ])('%i seconds are %s', (seconds, text) =>
    expect(ago(1_000_000_000_000 - seconds * 1000, 1_000_000_000_000)).toBe(text),
  );

  it('dependencies that are none are left out', () => {
    expect(
      readDependencies([
        null,
        1,
        {},
        { name: 'a' },
        { name: 'a', req: '^1', kind: 'odd', package: 'b', registry: 'https://x' },
      ]),
    ).toEqual([
      {
        crate: 'b',
        alias: 'a',
        req: '^1',
        kind: 'normal',
        isOptional: false,
        target: undefined,
        features: [],
        hasDefaultFeatures: true,
        isHere: false,
      },
    ]);
    expect(readDependencies('x')).toEqual([]);
  });
});
