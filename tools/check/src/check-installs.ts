// Part of `pnpm check`: each package, installed from its tarball (and core's) in an empty project, starts and can be imported. Prints what an
// installation weighs, as the table of docs/packaging.md has it. An argument names a folder for the tarballs.
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { packAll, runNpm } from './pack.ts';
import type { PackedPackage } from './pack.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'mirror-installs-'));
const destination = process.argv[2] ?? path.join(scratch, 'tarballs');
try {
  mkdirSync(destination, { recursive: true });
  const packed = packAll(path.resolve(destination));
  const core = packed.find((each) => each.name === '@mirror/core');
  console.log('| package | tarball | packages installed | on the disk | seconds |\n| --- | --: | --: | --: | --: |');
  for (const each of packed) console.log(rowOf(each, [...new Set([core?.tarball ?? '', each.tarball])]));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function rowOf({ name, tarball, manifest }: PackedPackage, tarballs: readonly string[]): string {
  const project = path.join(scratch, name.replace('@mirror/', ''));
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const began = Date.now();
  runNpm('npm', ['install', '--prefix', project, '--no-audit', '--no-fund', '--prefer-offline', ...tarballs]);
  const seconds = (Date.now() - began) / 1000;
  start(project, name, Object.keys(manifest.bin ?? {}));
  const modules = path.join(project, 'node_modules');
  const cells = [
    size(statSync(tarball).size),
    String(countPackages(modules)),
    size(sizeOf(modules)),
    seconds.toFixed(1),
  ];
  return `| \`${name}\` | ${cells.join(' | ')} |`;
}

/** Import the package and start its commands, as whoever installed it does; throws when one fails. */
function start(project: string, name: string, commands: readonly string[]): void {
  const script = `import(${JSON.stringify(name)}).then((all) => { if (Object.keys(all).length === 0) process.exit(1); })`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const windows = process.platform === 'win32';
  for (const command of commands) {
    const file = path.join(project, 'node_modules/.bin', windows ? `${command}.cmd` : command);
    for (const flag of ['--version', '--help'])
      execFileSync(file, [flag], { cwd: project, stdio: 'ignore', shell: windows });
  }
}

function countPackages(modules: string): number {
  const folders = (dir: string): readonly string[] =>
    readdirSync(dir, { withFileTypes: true })
      .filter((each) => each.isDirectory() && !each.name.startsWith('.'))
      .map((each) => path.join(dir, each.name));
  return folders(modules)
    .flatMap((folder) => (path.basename(folder).startsWith('@') ? folders(folder) : [folder]))
    .map((folder) => 1 + nested(folder))
    .reduce((sum, count) => sum + count, 0);
}

function nested(folder: string): number {
  const inner = path.join(folder, 'node_modules');
  return lstatSync(inner, { throwIfNoEntry: false })?.isDirectory() === true ? countPackages(inner) : 0;
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((each) => each.isFile())
    .reduce((sum, each) => sum + statSync(path.join(each.parentPath, each.name)).size, 0);
}

function size(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
