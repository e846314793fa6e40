// Part of `pnpm check`: what publint and attw have to say about the packages as they would be published. An argument names a folder
// for the tarballs; without one they go again.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packAll } from './pack.ts';
import type { PackedPackage } from './pack.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'mirror-tarballs-'));
try {
  for (const packed of packAll(path.resolve(process.argv[2] ?? scratch))) await check(packed);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function check({ name, tarball }: PackedPackage): Promise<void> {
  const content = readFileSync(tarball);
  const problems = [...(await lintProblems(content)), ...typeProblems(tarball)];
  console.log(problems.length === 0 ? `${name}: good` : `${name}:\n${problems.map((each) => `  ${each}`).join('\n')}`);
  if (problems.length > 0) process.exitCode = 1;
}

/** What publint says about a tarball, its suggestions included. */
async function lintProblems(tarball: Buffer): Promise<readonly string[]> {
  const data = new Uint8Array(tarball).buffer;
  const { messages, pkg } = await publint({ pack: { tarball: data }, strict: true });
  return messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
}

/** What attw says about the types of a tarball, asked as an ES module asks; that CommonJS cannot `require` it is meant. */
function typeProblems(tarball: string): readonly string[] {
  const attw = createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json');
  const script = path.join(path.dirname(attw), 'dist/index.js');
  try {
    execFileSync(process.execPath, [script, '--profile', 'esm-only', '--no-color', '--no-emoji', tarball], {
      encoding: 'utf8',
    });
    return [];
  } catch (error) {
    return [(error as { readonly stdout?: string }).stdout ?? String(error)];
  }
}
