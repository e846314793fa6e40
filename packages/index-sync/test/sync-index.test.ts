import { afterEach, describe, expect, it } from '@jest/globals';
import { startGitServer, type GitServer, type GitServerOptions } from '@mirror-tools/git-server';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { ENGINES, GIT_LIMITS, holdIndex } from '../dist/index.js';
import { silentLog } from '@mirror/core';
import { engineFor, sync } from './syncing.ts';
import { committedFiles, filesOf, git, gitMeanwhile, makeUpstream, pathOf, type Upstream } from './upstream.ts';

const servers: GitServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(upstream: Upstream, options: GitServerOptions = {}): Promise<{ server: GitServer; url: string }> {
  const server = await startGitServer(upstream.root, options);
  servers.push(server);
  return { server, url: `${server.url}/index.git` };
}

/** Change a bit of everything: more versions, a new crate, a crate less. */
function change(upstream: Upstream, round: number): string {
  for (const [file, lines] of [...upstream.files].slice(round, round + 5)) {
    upstream.files.set(file, [...lines, { name: lines[0]?.name ?? '', vers: `2.${round}.0` }]);
  }
  upstream.files.set(pathOf(`new-${round}`), [{ name: `new-${round}`, vers: '0.1.0' }]);
  upstream.files.delete([...upstream.files.keys()].at(7 + round) ?? '');
  return upstream.publish();
}

/** What git itself says of the repository. */
function judge(dir: string, commit: string): void {
  expect(git(dir, 'rev-parse', 'HEAD')).toBe(commit);
  expect(git(dir, 'fsck', '--strict', '--no-dangling')).toBe('');
  if (git(dir, 'rev-parse', '--is-bare-repository') === 'true') return;
  expect(git(dir, 'status', '--porcelain')).toBe('');
}

describe('an index kept in step', () => {
  describe.each(ENGINES)('by the %s engine', (name) => {
    itWith(['git'], 'has the files of upstream, at first, after changes, and after a squash', async () => {
      const dir = scratchDir();
      const upstream = makeUpstream(dir);
      const { url } = await serve(upstream);
      const index = path.join(dir, 'index');
      const engine = await engineFor(name, url);
      const first = await sync(index, engine);
      expect(first).toMatchObject({ outcome: 'created', filesAdded: 41, previousCommit: undefined });
      judge(index, first.commit);
      expect(filesOf(index)).toEqual(committedFiles(upstream.bare, first.commit));

      const second = change(upstream, 1);
      expect(await sync(index, engine)).toMatchObject({
        outcome: 'updated',
        commit: second,
        filesAdded: 1,
        filesRemoved: 1,
      });
      judge(index, second);
      expect(filesOf(index)).toEqual(committedFiles(upstream.bare, second));

      change(upstream, 2);
      const squashed = upstream.squash();
      expect(await sync(index, engine)).toMatchObject({ outcome: 'updated', commit: squashed, previousCommit: second });
      judge(index, squashed);
      expect(filesOf(index)).toEqual(committedFiles(upstream.bare, squashed));
      expect(await sync(index, engine)).toMatchObject({ outcome: 'unchanged', bytes: 0 });
    });

    itWith(['git'], 'keeps only packs when asked to', async () => {
      const dir = scratchDir();
      const upstream = makeUpstream(dir);
      const { url } = await serve(upstream);
      const index = path.join(dir, 'index');
      const engine = await engineFor(name, url);
      await sync(index, engine, { workTree: false });
      const commit = change(upstream, 1);
      await sync(index, engine, { workTree: false });
      judge(index, commit);
      expect(committedFiles(index, 'HEAD')).toEqual(committedFiles(upstream.bare, commit));
      expect(existsSync(path.join(index, 'cr'))).toBe(false);
    });
  });

  itWith(['git'], 'asks only once when nothing changed, and fetches nothing', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { server, url } = await serve(upstream);
    await sync(path.join(dir, 'index'), await engineFor('pack', url));
    const before = server.requests.length;
    await sync(path.join(dir, 'index'), await engineFor('pack', url));
    expect(server.requests.slice(before)).toEqual([
      'GET /index.git/info/refs',
      'POST /index.git/git-upload-pack command=ls-refs',
    ]);
  });

  itWith(['git'], 'fetches the differences alone, as packs that stand by themselves', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const index = path.join(dir, 'index');
    const engine = await engineFor('pack', url);
    const first = await sync(index, engine);
    change(upstream, 1);
    const second = await sync(index, engine);
    expect(second.bytes).toBeLessThan(first.bytes / 2);
    const packs = path.join(index, '.git/objects/pack');
    for (const file of readdirSync(packs).filter((each) => each.endsWith('.idx'))) git(packs, 'verify-pack', file);
  });

  itWith(['git'], 'writes the index that git writes for a pack, byte for byte', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const index = path.join(dir, 'index');
    await sync(index, await engineFor('pack', url), { workTree: false });
    const packs = path.join(index, 'objects/pack');
    const name = readdirSync(packs).find((each) => each.endsWith('.pack')) as string;
    git(dir, 'index-pack', '-o', path.join(dir, 'judge.idx'), path.join(packs, name));
    expect(readFileSync(path.join(packs, name.replace('.pack', '.idx')))).toEqual(
      readFileSync(path.join(dir, 'judge.idx')),
    );
  });

  itWith(['git'], 'takes over what git cloned, and lets git go on with what it left', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    change(upstream, 1);
    const { url } = await serve(upstream);
    const engine = await engineFor('pack', url);
    for (const how of [['--depth', '1'], ['--no-tags'], ['--bare'], ['--depth', '1', '--bare']]) {
      const index = path.join(dir, how.join(''));
      await gitMeanwhile(dir, 'clone', '-q', ...how, url, index);
      const commit = change(upstream, 2);
      expect(await sync(index, engine)).toMatchObject({ outcome: 'updated', commit });
      judge(index, commit);
      const later = change(upstream, 3);
      await gitMeanwhile(index, 'fetch', '-q', '--depth', '1', 'origin', 'master');
      expect(git(index, 'rev-parse', 'FETCH_HEAD')).toBe(later);
      git(index, 'gc', '-q');
      await sync(index, engine);
      judge(index, later);
    }
    const own = path.join(dir, 'own');
    await sync(own, engine, { url });
    const last = change(upstream, 4);
    await gitMeanwhile(own, 'fetch', '-q', '--depth', '1');
    git(own, 'reset', '-q', '--hard', 'origin/master');
    judge(own, last);
  });

  itWith(['git'], 'does not touch a repository that is no index, nor a folder with other files', async () => {
    const dir = scratchDir();
    const { url } = await serve(makeUpstream(dir));
    const other = path.join(dir, 'other');
    git(dir, 'init', '-q', 'other');
    writeFileSync(path.join(other, 'main.rs'), 'fn main() {}');
    git(other, 'add', '-A');
    git(other, 'commit', '-qm', 'x');
    const engine = await engineFor('pack', url);
    await expect(sync(other, engine)).rejects.toMatchObject({ code: 'ERR_USAGE' });
    const full = path.join(dir, 'full');
    mkdirSync(full);
    writeFileSync(path.join(full, 'x'), '');
    await expect(sync(full, engine)).rejects.toMatchObject({ code: 'ERR_USAGE' });
    expect(readdirSync(full)).toEqual(['x']);
  });

  itWith(['git'], 'writes nothing through a link', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const index = path.join(dir, 'index');
    const engine = await engineFor('pack', url);
    await sync(index, engine);
    const outside = path.join(dir, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, path.join(index, 'ne'));
    upstream.files.set(pathOf('new-thing'), [{ name: 'new-thing', vers: '1.0.0' }]);
    upstream.publish();
    await expect(sync(index, engine)).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
    expect(readdirSync(outside)).toEqual([]);
  });

  itWith(['git'], 'removes what a killed run left, and is not disturbed by it', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const index = path.join(dir, 'index');
    const engine = await engineFor('pack', url);
    const { commit } = await sync(index, engine);
    const packs = path.join(index, '.git/objects/pack');
    writeFileSync(path.join(packs, 'tmp_pack_01234567-89ab-cdef-0123-456789abcdef'), 'half a pack');
    const later = change(upstream, 1);
    // files of the step were written, the mark was not moved
    mkdirSync(path.join(index, '.git/mirror-index-sync'), { recursive: true });
    await gitMeanwhile(index, 'fetch', '-q', '--depth', '1', url, 'master');
    const note = { schema_version: 1, from: commit, to: later, branch: 'refs/heads/master' };
    writeFileSync(path.join(index, '.git/mirror-index-sync/pending.json'), JSON.stringify(note));
    writeFileSync(path.join(index, '2/.cc.01234567-89ab-cdef-0123-456789abcdef.part'), 'half a file');
    upstream.files.delete(pathOf('new-1')); // was to come with the killed step, and must not stay behind
    mkdirSync(path.join(index, 'ne/w-'), { recursive: true });
    writeFileSync(path.join(index, pathOf('new-1')), 'of the killed run');
    const last = upstream.publish();
    expect(await sync(index, engine)).toMatchObject({ commit: last });
    judge(index, last);
    expect(filesOf(index)).toEqual(committedFiles(upstream.bare, last));
    expect(readdirSync(packs).filter((name) => name.startsWith('tmp'))).toEqual([]);
  });

  itWith(['git'], 'begins anew where a first checkout was killed', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const index = path.join(dir, 'index');
    const engine = await engineFor('pack', url);
    const { commit } = await sync(index, engine);
    git(index, 'update-ref', '-d', 'refs/heads/master');
    git(index, 'rm', '-rq', '--cached', '.');
    const note = { schema_version: 1, from: null, to: commit, branch: 'refs/heads/master' };
    writeFileSync(path.join(index, '.git/mirror-index-sync/pending.json'), JSON.stringify(note));
    writeFileSync(path.join(index, '1/a'), 'half');
    writeFileSync(path.join(index, '1/stray'), 'of another commit');
    await sync(index, engine);
    judge(index, commit);
    expect(filesOf(index)).toEqual(committedFiles(upstream.bare, commit));
  });

  it('lets no second run in', () => {
    const dir = scratchDir();
    const held = holdIndex(dir, undefined, silentLog, Date.now());
    expect(() => holdIndex(dir, undefined, silentLog, Date.now())).toThrow(
      expect.objectContaining({ code: 'ERR_LOCKED' }),
    );
    held.release();
    holdIndex(dir, undefined, silentLog, Date.now()).release();
  });

  itWith(['git'], 'folds packs into one that has all, and leaves those of others alone', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const index = path.join(dir, 'index');
    await gitMeanwhile(dir, 'clone', '-q', '--depth', '1', url, index);
    const packs = path.join(index, '.git/objects/pack');
    const theirs = readdirSync(packs).filter((name) => name.endsWith('.pack'));
    const engine = await engineFor('pack', url);
    let commit = '';
    for (let round = 1; round <= 6; round++) {
      commit = change(upstream, round);
      await sync(index, engine, { maxPacks: 3 });
      judge(index, commit);
    }
    const left = readdirSync(packs).filter((name) => name.endsWith('.pack'));
    expect(left.length).toBeLessThanOrEqual(theirs.length + 4);
    expect(left).toEqual(expect.arrayContaining(theirs));
    expect(filesOf(index)).toEqual(committedFiles(upstream.bare, commit));
  });

  itWith(['git'], 'fetches everything again when objects are missing here', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const index = path.join(dir, 'index');
    const engine = await engineFor('pack', url);
    await sync(index, engine, { workTree: false });
    // blobs alone are lost: a shallow repository whose pack was replaced by one with the trees
    const blobs = git(index, 'ls-tree', '-r', 'HEAD')
      .split('\n')
      .map((row) => row.split(/\s/)[2] as string);
    const others = git(index, 'cat-file', '--batch-all-objects', '--batch-check')
      .split('\n')
      .map((row) => row.split(' ')[0] as string)
      .filter((id) => !blobs.includes(id));
    const { execFileSync } = await import('node:child_process');
    const packs = path.join(index, 'objects/pack');
    const old = readdirSync(packs);
    execFileSync('git', ['-C', index, 'pack-objects', '-q', path.join(packs, 'pack')], { input: others.join('\n') });
    const { rmSync } = await import('node:fs');
    for (const name of old) rmSync(path.join(packs, name), { force: true });
    const commit = change(upstream, 1);
    expect(await sync(index, engine)).toMatchObject({ outcome: 'updated', commit });
    judge(index, commit);
  });
});

describe('a server that cannot be trusted', () => {
  // the request for a pack is the long one
  const isPack = ({ method, headers }: IncomingMessage): boolean =>
    method === 'POST' && Number(headers['content-length']) > 100;

  itWith(['git'], 'has its damaged, cut and endless answers refused, and nothing is left of them', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    let at = 0;
    let how: 'flip' | 'end' | 'reset' = 'flip';
    const { url } = await serve(upstream, {
      tamper(piece, before, request) {
        if (!isPack(request) || at < before || at >= before + piece.length) return piece;
        if (how !== 'flip') return how;
        const changed = Buffer.from(piece);
        changed[at - before] = (changed[at - before] as number) ^ 0x10;
        return changed;
      },
    });
    const whole = await sync(path.join(dir, 'whole'), await engineFor('pack', url, { retries: 0 })).catch(
      () => undefined,
    );
    expect(whole).toBeUndefined(); // byte 0 is flipped already
    for (how of ['flip', 'end', 'reset'] as const) {
      for (at = 30; at < 2500; at += how === 'flip' ? 173 : 400) {
        const index = path.join(dir, `${how}-${at}`);
        const engine = await engineFor('pack', url, { retries: 0 });
        const error = (await sync(index, engine).catch((caught: unknown) => caught)) as {
          code?: string;
          commit?: string;
        };
        if (error.commit !== undefined) {
          // what comes before the pack is only advice
          expect([how, at < 150]).toEqual(['flip', true]);
          judge(index, error.commit);
          continue;
        }
        expect(['ERR_INTEGRITY', 'ERR_NETWORK', 'ERR_HTTP', 'UND_ERR_SOCKET']).toContain(error.code);
        expect(readdirSync(path.join(index, '.git/objects/pack'))).toEqual([]);
        expect(readdirSync(index)).toEqual(['.git']);
      }
    }
  });

  itWith(['git'], 'is asked again when it is busy or breaks off, and not when it refuses', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    let refusals = 2;
    let status = 503;
    const { server, url } = await serve(upstream, {
      refuse: () => (refusals-- > 0 ? { status, headers: { 'retry-after': '0' } } : undefined),
    });
    await sync(path.join(dir, 'index'), await engineFor('pack', url));
    expect(server.requests.filter((each) => each.startsWith('GET'))).toHaveLength(3);
    refusals = 1;
    status = 401;
    const before = server.requests.length;
    await expect(sync(path.join(dir, 'index'), await engineFor('pack', url))).rejects.toMatchObject({
      code: 'ERR_HTTP',
      status: 401,
    });
    expect(server.requests).toHaveLength(before + 1);
  });

  itWith(['git'], 'may not send more or larger objects than the limits allow', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const limits = [{ objects: 10 }, { objectBytes: 100 }, { packBytes: 1000 }, { chain: 0 }];
    for (const [n, limit] of limits.entries()) {
      const engine = await engineFor('pack', url, { limits: { ...GIT_LIMITS, ...limit }, retries: 0 });
      await expect(sync(path.join(dir, `index-${n}`), engine)).rejects.toMatchObject({ code: 'ERR_INTEGRITY' });
    }
  });

  itWith(['git'], 'has names and links that lead elsewhere left out', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const { url } = await serve(upstream);
    const engine = await engineFor('pack', url, { retries: 0 });
    const blob = upstream.git('rev-parse', 'master:config.json');
    const { execFileSync } = await import('node:child_process');
    for (const row of [`120000 blob ${blob}\tlink`, `100644 blob ${blob}\tcon.`, `100644 blob ${blob}\ta:b`]) {
      const tree = execFileSync('git', ['-C', upstream.bare, 'mktree'], { input: `${row}\n`, encoding: 'utf8' }).trim();
      upstream.git('update-ref', 'refs/heads/master', upstream.git('commit-tree', tree, '-m', 'x'));
      const index = path.join(dir, `index-${row.slice(-3).replace(/\W/g, '')}`);
      expect(await sync(index, engine)).toMatchObject({ leftOut: { count: 1 } });
      expect(readdirSync(index)).toEqual(['.git']);
    }
  });

  itWith(['git'], 'gets the token and nobody else does', async () => {
    const dir = scratchDir();
    const upstream = makeUpstream(dir);
    const seen: (string | undefined)[] = [];
    const elsewhere: (string | undefined)[] = [];
    const target = await serve(upstream, {
      refuse: (request) => (elsewhere.push(request.headers.authorization), undefined),
    });
    const { url } = await serve(upstream, {
      refuse(request) {
        seen.push(request.headers.authorization);
        return { status: 301, headers: { location: `${target.url}/info/refs?service=git-upload-pack` } };
      },
    });
    await sync(path.join(dir, 'index'), await engineFor('pack', url, { token: 'secret' }));
    expect(seen).toEqual([`Basic ${Buffer.from('x-access-token:secret').toString('base64')}`]);
    expect(elsewhere.every((header) => header === undefined)).toBe(true);
    expect(readFileSync(path.join(dir, 'index/.git/config'), 'utf8')).not.toContain('secret');
  });
});
