import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { contentProblems, packAll, runNpm } from '../dist/pack.js';
import type { PackedPackage } from '../dist/pack.js';
import { publishedPackages, workspaceRoot } from '../dist/workspace.js';

let scratch = '';
let packed: readonly PackedPackage[] = [];

beforeAll(() => {
  scratch = mkdtempSync(path.join(os.tmpdir(), 'mirror-pack-'));
  mkdirSync(path.join(scratch, 'tarballs'));
  packed = packAll(path.join(scratch, 'tarballs'));
}, 120_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('packed packages', () => {
  for (const { name, path: folder } of publishedPackages()) {
    it(`${name} holds what it needs to run, and nothing else`, () => {
      const sources = readdirSync(path.join(workspaceRoot, folder, 'src'), { recursive: true, encoding: 'utf8' });
      const files = sources.map((file) => file.split(path.sep).join('/'));
      expect(contentProblems(tarballOf(name).files, files)).toEqual([]);
    });

    it(`${name} names no map that it does not have`, () => {
      const { files } = tarballOf(name);
      const naming = files.filter((file) => /\.(js|d\.ts)$/.test(file) && /^\/\/# sourceMappingURL=/m.test(read(file)));
      expect(naming).toEqual([]);

      function read(file: string): string {
        return readFileSync(path.join(workspaceRoot, folder, file), 'utf8');
      }
    });
  }

  for (const { name, manifest } of publishedPackages().filter((each) => each.manifest.bin !== undefined)) {
    it(`${name}, installed from its tarball and core's alone, gives a working command`, () => {
      const prefix = path.join(scratch, 'prefix', name);
      // npm makes these itself on some systems only
      mkdirSync(path.join(prefix, 'lib'), { recursive: true });
      const tarballs = [tarballOf('@mirror/core').tarball, tarballOf(name).tarball];
      // another prefix would hide the machine's own npm settings: its registry, proxy and certificates
      const settings = runNpm('npm', ['config', 'get', 'globalconfig']).trim();
      runNpm('npm', [
        ...['install', '--global', '--prefix', prefix, '--globalconfig', settings],
        ...['--no-audit', '--no-fund', '--prefer-offline', '--fetch-retries', '1', ...tarballs],
      ]);
      const windows = process.platform === 'win32';
      const modules = path.join(prefix, windows ? 'node_modules' : 'lib/node_modules');
      expect(existsSync(path.join(modules, name, 'node_modules/@mirror'))).toBe(false); // core is the one just packed
      expect(pinnedIn(path.join(modules, name, 'package.json'))).toEqual([]);
      for (const command of Object.keys(manifest.bin ?? {})) {
        const installed = path.join(prefix, windows ? `${command}.cmd` : `bin/${command}`);
        expect(run(installed, '--version')).toBe(`${String(manifest.version)}\n`);
        expect(run(installed, '--help')).toContain(`${command} [command]`);
      }
    }, 240_000);
  }

  function tarballOf(name: string): PackedPackage {
    const found = packed.find((each) => each.name === name);
    if (found === undefined) throw new Error(`${name} was not packed`);
    return found;
  }
});

/** Dependencies that a packed manifest asks for in one version only; @mongodb-js/zstd has to be, since an inner file of it is used. */
function pinnedIn(manifest: string): readonly string[] {
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  };
  return Object.entries({ ...dependencies, ...optionalDependencies })
    .filter(([name, range]) => !range.startsWith('^') && name !== '@mongodb-js/zstd')
    .map(([name, range]) => `${name}@${range}`);
}

/** What the installed command prints, started the way a shell starts it; throws when its status is not 0. */
function run(command: string, flag: string): string {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MIRROR_')));
  return execFileSync(command, [flag], { cwd: scratch, env, encoding: 'utf8', shell: process.platform === 'win32' });
}

describe('contentProblems', () => {
  const sources = ['index.ts', 'io/digest.ts'];
  const files = [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    ...['index', 'io/digest'].flatMap((file) => [`dist/${file}.js`, `dist/${file}.d.ts`]),
  ];

  it('a complete package has none', () => {
    expect(contentProblems(files, sources)).toEqual([]);
    expect(contentProblems([...files, 'man/mirror-x.1', 'dist/k12.wasm'], sources)).toEqual([]);
  });

  it.each(files)('a package without %s is found', (file) => {
    expect(
      contentProblems(
        files.filter((each) => each !== file),
        sources,
      ),
    ).toEqual([`${file} is missing`]);
  });

  it.each([
    'src/index.ts',
    'test/x.test.ts',
    'dist/tsconfig.tsbuildinfo',
    'dist/index.js.map',
    'tsconfig.json',
    'dist/old.js',
  ])('a package with %s is found', (file) => {
    expect(contentProblems([...files, file], sources)).toEqual([expect.stringContaining(file)]);
  });
});
