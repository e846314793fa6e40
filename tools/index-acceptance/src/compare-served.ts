import { entriesOf, isIndexPath } from '@mirror/core';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import path from 'node:path';
import { git } from './git.ts';
import { toolFile } from './tool.ts';

/** Serve a mirror, ask for every index file and every version, and name what is not as in `repository`, at most ten. */
export async function compareServed(repository: string, indexDir: string, out: string): Promise<string[]> {
  const args = ['--index-dir', indexDir, '--root', out, '--listen', '127.0.0.1:0', '--no-progress'];
  const child = spawn(process.execPath, [toolFile('server'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      const listen = (text: string): void => {
        said += text;
        const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      };
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', listen);
      child.on('close', () => reject(new Error(`the server ended: ${said.slice(-500)}`)));
    });
    return await compareAll(url, repository);
  } finally {
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'close');
  }
}

async function compareAll(url: string, repository: string): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const problems: string[] = [];
  const blame = (what: string, { status, bytes }: Answer): void => {
    if (problems.length < 10) problems.push(`${what}: status ${String(status)}, ${bytes.toString('utf8', 0, 200)}`);
  };
  const compare = async (file: string): Promise<void> => {
    const expected = readFileSync(path.join(repository, file));
    const index = await ask(`${url}/index/${file}`, agent);
    if (index.status !== 200 || !index.bytes.equals(expected)) blame(file, index);
    for (const { name, vers, cksum } of entriesOf(file, expected).entries) {
      const crate = await ask(`${url}/crates/${name}/${encodeURIComponent(vers)}/download`, agent);
      const found = createHash('sha256').update(crate.bytes).digest('hex');
      if (crate.status !== 200 || found !== cksum) blame(`${name} ${vers}`, crate);
    }
  };
  const files = git(repository, 'ls-files').split('\n').filter(isIndexPath).values();
  const lane = async (): Promise<void> => {
    for (const file of files) await compare(file);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  agent.destroy();
  return problems;
}

interface Answer {
  readonly status: number | undefined;
  readonly bytes: Buffer;
}

async function ask(url: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, bytes: Buffer.concat(pieces) }));
    }).on('error', reject);
  });
}
