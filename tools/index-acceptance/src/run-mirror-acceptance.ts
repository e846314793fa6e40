import { entriesOf, isIndexPath, layoutPath } from '@mirror/core';
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compareServed } from './compare-served.ts';
import { startFileServer } from './file-server.ts';
import { git } from './git.ts';
import { rewriteIndex } from './rewrite-index.ts';
import { runTool } from './tool.ts';
import type { ToolRun } from './tool.ts';
import { startUpstream } from './upstream.ts';

/** Which index, and how much of it. */
export interface MirrorAcceptanceOptions {
  /** A repository or a bundle of an index; it is only read. */
  readonly repository: string;
  /** One file of the index in so many is taken. */
  readonly every: number;
  /** Scratch folder that is not there yet; removed when all is well. */
  readonly dir: string;
  readonly say: (text: string) => void;
}

/** How it went. */
export interface MirrorAcceptanceReport {
  readonly versions: number;
  /** Empty when everything was served, told and mended as it should be. */
  readonly problems: readonly string[];
}

/** Mirror an index, serve it, export it; damage it, and see who tells of it and what mends it. */
export async function runMirrorAcceptance(options: MirrorAcceptanceOptions): Promise<MirrorAcceptanceReport> {
  const { say } = options;
  const dir = path.resolve(options.dir);
  mkdirSync(path.join(dir, 'served'), { recursive: true });
  const [index, out, tree] = [path.join(dir, 'index'), path.join(dir, 'out'), path.join(dir, 'tree')];
  const made = rewriteIndex(options.repository, dir, options.every);
  say(`${String(made.versions)} versions`);
  const upstream = await startUpstream(path.join(made.repository, '.git'), path.join(dir, 'served'));
  const origin = await startFileServer(made.crates);
  const problems: string[] = [];
  const expect = (what: string, isTrue: boolean, run: ToolRun): void => {
    if (isTrue) return;
    problems.push(
      `${what}: status ${String(run.status)}, ${JSON.stringify(run.lines.at(-1))} ${run.stderr.slice(-600)}`,
    );
    say(`WRONG ${problems.at(-1) ?? ''}`);
  };
  const places = ['--index-dir', index];
  const both = [...places, '--root', out];
  const base = ['--crates-base-url', origin.url.replace(/\/$/, '')];
  const run = async (what: string, tool: Parameters<typeof runTool>[0], ...args: string[]): Promise<ToolRun> => {
    const ended = await runTool(tool, ...args);
    say(`${what}: ${ended.seconds.toFixed(1)} s, status ${String(ended.status)}`);
    return ended;
  };
  const sync = (what: string): Promise<ToolRun> =>
    run(what, 'index-sync', ...places, '--index-url', upstream.url, '--no-download', '--max-age=0');
  const verify = (...more: string[]): Promise<ToolRun> =>
    run(`verify ${more.join(' ')}`, 'downloader', 'verify', ...places, '--out', out, ...more);
  const doctor = (): Promise<ToolRun> => run('doctor', 'server', 'doctor', ...both, '--all-files', '--count', '1');
  const wellAll = async (): Promise<void> => {
    const exported = await run('export', 'server', 'export', tree, ...both);
    expect('export is complete', isResult(exported, 'complete') && exported.status === 0, exported);
    const proof = await run('export --verify', 'server', 'export', tree, '--verify');
    expect('the tree is intact', isResult(proof, 'intact') && proof.status === 0, proof);
    for (const problem of await compareServed(made.repository, index, out)) problems.push(`served: ${problem}`);
    say('compared what is served');
  };
  try {
    upstream.serve(made.newer);
    const first = await sync('first sync');
    expect('the index arrives', first.status === 0, first);
    const filled = await run('download', 'downloader', ...places, '--out', out, ...base);
    expect('the mirror is filled', isResult(filled, 'complete') && filled.status === 0, filled);
    await wellAll();

    const hurtIndex = damageIndex(made.repository, index);
    const hurtCrates = damageCrates(made.repository, out);
    const sick = await doctor();
    const told = (step: string): number => sick.lines.filter((line) => line['step'] === step && !line['ok']).length;
    expect('doctor tells of the index', told('index') === hurtIndex.length + 1, sick);
    expect('doctor tells of the crate files', told('files') === hurtCrates.length + 1 && sick.status === 4, sick);
    expect('doctor names what mends', namesAll(sick.stderr, ['mirror-index-sync', 'verify --repair']), sick);

    upstream.serve(made.older);
    const back = await sync('sync after damage, upstream rolled back');
    expect('restored files are named', namesAll(back.stderr, hurtIndex), back);
    expect('going back is refused', back.status === 4 && back.stderr.includes('--allow-rollback'), back);
    upstream.serve(made.newer);
    const again = await sync('sync, upstream as before');
    expect('the index is as upstream', again.status === 0 && git(index, 'status', '--porcelain') === '', again);

    const found = await verify();
    const paths = found.lines.flatMap((line) => (line['problem'] === 'corrupt' ? [String(line['path'])] : []));
    expect('verify names every crate', paths.sort().join() === hurtCrates.join() && found.status === 4, found);
    expect('verify names what mends', found.stderr.includes('--repair'), found);
    const mended = await verify('--repair', ...base);
    expect('verify --repair mends', isResult(mended, 'repaired') && mended.status === 0, mended);
    const intact = await verify();
    expect('the mirror is intact again', isResult(intact, 'intact') && intact.status === 0, intact);
    const well = await doctor();
    const left = well.lines.filter(({ step, ok }) => (step === 'index' || step === 'files') && ok !== true);
    expect('doctor finds no damage', left.length === 0, well);
    await wellAll();
  } finally {
    await origin.close();
    await upstream.close();
  }
  if (problems.length === 0) rmSync(dir, { recursive: true, force: true });
  return { versions: made.versions, problems };
}

function isResult(run: ToolRun, result: string): boolean {
  return run.lines.at(-1)?.['result'] === result;
}

function namesAll(text: string, names: readonly string[]): boolean {
  return names.every((name) => text.includes(name));
}

/** Three files: cut, removed, and written over. */
function damageIndex(repository: string, index: string): readonly string[] {
  const files = spread(indexFiles(repository), 3);
  for (const [n, name] of files.entries()) {
    const file = path.join(index, name);
    if (n === 0) truncateSync(file, Math.floor(statSync(file).size / 2));
    else if (n === 1) rmSync(file);
    else writeFileSync(file, 'not a line of an index\n');
  }
  return files;
}

/** Twenty crate files, each cut or with one bit flipped; their paths in the mirror, sorted. */
function damageCrates(repository: string, out: string): readonly string[] {
  const versions = indexFiles(repository).flatMap(
    (name) => entriesOf(name, readFileSync(path.join(repository, name))).entries,
  );
  const paths = spread(versions, 20).map(({ name, vers }) => layoutPath('shard', name, vers));
  for (const [n, each] of paths.entries()) {
    const bytes = readFileSync(path.join(out, each));
    if (n % 2 === 0) bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(path.join(out, each), n % 2 === 0 ? bytes : bytes.subarray(0, 10));
  }
  return paths.sort();
}

function indexFiles(repository: string): readonly string[] {
  return git(repository, 'ls-files').split('\n').filter(isIndexPath);
}

function spread<T>(items: readonly T[], count: number): T[] {
  const picked = Array.from({ length: count }, (_, n) => items[Math.floor(((n + 0.5) * items.length) / count)]);
  return [...new Set(picked)].filter((item) => item !== undefined);
}
