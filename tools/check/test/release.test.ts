import { describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { workflowProblems } from '../dist/workflows.js';
import { publishedPackages, workspaceRoot } from '../dist/workspace.js';

const folder = path.join(workspaceRoot, '.github/workflows');
const workflows = readdirSync(folder).map((name) => ({ name, text: readFileSync(path.join(folder, name), 'utf8') }));

describe('the workflows', () => {
  it.each(workflows)('$name is valid, with every action pinned', async ({ name, text }) => {
    expect(await workflowProblems(name, text)).toEqual([]);
  });

  it.each(workflows)('$name runs programs that there are', ({ text }) => {
    const scripts = [...text.matchAll(/node (tools\/\S+\.js)/g)].map(([, script = '']) => script);
    // what is compiled has a source
    const source = (script: string): string => script.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
    const missing = scripts.filter(
      (script) => ![script, source(script)].some((file) => existsSync(path.join(workspaceRoot, file))),
    );
    expect(missing).toEqual([]);
  });

  it('only the job that publishes may ask for an identity, and it runs nothing of this repository', () => {
    const release = workflows.find(({ name }) => name === 'release.yml')?.text ?? '';
    expect(release.match(/id-token: write/g)).toHaveLength(1);
    const publish = release.slice(release.indexOf('\n  publish:'));
    expect(publish).toContain('id-token: write');
    expect(publish).not.toMatch(/actions\/checkout|tools\/|npm ci|npm install/);
    expect(workflows.filter(({ name }) => name !== 'release.yml').filter(({ text }) => /: write$/m.test(text))).toEqual(
      [],
    );
  });
});

describe('what is not published yet', () => {
  itWith(
    ['tar'],
    'is told in the order of dependence, and a registry that is ill is an error',
    async () => {
      const dir = scratchDir();
      for (const { path: place, manifest } of publishedPackages()) makeTarball(dir, place, manifest.version ?? '');
      const answers = { status: 404 };
      const server = createServer((request, response) => {
        const isDownloader = decodeURIComponent(request.url ?? '').includes('@mirror/downloader');
        response.writeHead(answers.status === 404 && isDownloader ? 200 : answers.status, {
          'content-type': 'application/json',
        });
        response.end(isDownloader ? document() : '{}');
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
        const { status, stdout } = await unpublished(dir, url);
        expect(status).toBe(0);
        const names = stdout.trim().replace('unpublished=', '').split(' ');
        expect(names[0]).toMatch(/^mirror-core-/);
        expect(names).toHaveLength(publishedPackages().length - 1);
        expect(names.join()).not.toContain('downloader');
        answers.status = 500;
        expect((await unpublished(dir, url)).status).toBe(1);
      } finally {
        server.close();
      }
    },
    120_000,
  );
});

describe('the step that publishes', () => {
  itWith(
    ['tar', 'bash'],
    'hands each tarball to npm as a file',
    () => {
      const dir = scratchDir();
      mkdirSync(path.join(dir, 'tarballs'));
      for (const { path: place, manifest } of publishedPackages())
        makeTarball(path.join(dir, 'tarballs'), place, manifest.version ?? '');
      const release = workflows.find(({ name }) => name === 'release.yml')?.text ?? '';
      const script = /^ +- name: Publish with provenance$[\s\S]*? run: \|\n([\s\S]*)$/m.exec(release)?.[1] ?? '';
      const { stdout, status } = spawnSync('bash', ['-ec', script], {
        cwd: dir,
        encoding: 'utf8',
        env: {
          PATH: process.env['PATH'],
          HOME: dir,
          TARBALLS: readdirSync(path.join(dir, 'tarballs'))
            .filter((file) => file.endsWith('.tgz'))
            .join(' '),
          npm_config_dry_run: 'true',
          npm_config_registry: 'http://127.0.0.1:9',
          npm_config_fetch_retries: '0',
          npm_config_cache: path.join(dir, 'cache'),
        },
      });
      const published = stdout.trim().split('\n').sort();
      expect(published).toEqual(
        publishedPackages()
          .map((each) => `+ ${each.name}@${each.manifest.version ?? ''}`)
          .sort(),
      );
      expect(status).toBe(0);
    },
    120_000,
  );
});

/** What a registry says about the downloader. */
function document(): string {
  const version = publishedPackages().find(({ name }) => name === '@mirror/downloader')?.manifest.version ?? '';
  const name = '@mirror/downloader';
  return JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: { name, version } } });
}

function makeTarball(dir: string, place: string, version: string): void {
  const name = place.replace('packages/', '');
  const inside = path.join(dir, name, 'package');
  mkdirSync(inside, { recursive: true });
  writeFileSync(path.join(inside, 'package.json'), JSON.stringify({ name: `@mirror/${name}`, version }));
  const file = path.join(dir, `mirror-${name}-${version}.tgz`);
  const { status } = spawnSync('tar', ['-czf', file, '-C', path.join(dir, name), 'package']);
  if (status !== 0) throw new Error(`tar ended with ${String(status)}`);
}

async function unpublished(dir: string, registry: string): Promise<{ status: number | null; stdout: string }> {
  const env = {
    PATH: process.env['PATH'],
    HOME: dir,
    npm_config_registry: registry,
    npm_config_fetch_retries: '0',
    npm_config_cache: path.join(dir, 'cache'),
  };
  const child = spawn(process.execPath, [path.join(workspaceRoot, 'tools/run/unpublished.js'), dir], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout };
}
