import { afterEach, describe, expect } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { startFakeRegistry } from '../dist/index.js';
import type { FakeRegistry } from '../dist/index.js';

const run = promisify(execFile);
let registry: FakeRegistry | undefined;

afterEach(async () => await registry?.close());

const DEPENDENCIES = `
dependency-kinds = { version = "0.2", features = ["rust-version"] }
renamed-dependency = "0.5"
new-features = { version = "1", features = ["letters", "std-letters"] }
plus-versions = "1"
yanked-versions = "0.1"
unknown-fields = "1.0.1"
a-name-of-sixty-four-characters-which-is-the-longest-one-allowed = "1"
long-version = "=1.0.0-alpha.1"
S = "0.1"
Q_z = "2"
`;

describe('cargo, with an empty home', () => {
  itWith(
    ['cargo'],
    'builds a project from the served registry alone',
    async () => {
      registry = await startFakeRegistry({ crates: 60 });
      const dir = scratchDir();
      mkdirSync(path.join(dir, 'src'));
      mkdirSync(path.join(dir, '.cargo'));
      const replacement = `[source.crates-io]\nreplace-with = "fake"\n[source.fake]\nregistry = "sparse+${registry.url}/index/"\n`;
      writeFileSync(path.join(dir, '.cargo/config.toml'), replacement);
      const last = registry.versions.filter((version) => !version.yanked && !version.vers.includes('-')).at(-1)!;
      const dependencies = `${DEPENDENCIES}${last.name} = "=${last.vers.split('+')[0]}"\n`;
      writeFileSync(
        path.join(dir, 'Cargo.toml'),
        `[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]${dependencies}`,
      );
      writeFileSync(
        path.join(dir, 'src/main.rs'),
        'fn main() { println!("{:?}", renamed_dependency::built_with()); }\n',
      );
      const env = {
        PATH: process.env['PATH'],
        CARGO_HOME: path.join(dir, 'home'),
        RUSTUP_HOME: process.env['RUSTUP_HOME'] ?? `${process.env['HOME']}/.rustup`,
      };
      const { stdout } = await run('cargo', ['run', '--quiet'], { cwd: dir, env });
      expect(stdout.trim()).toBe('["Upper_Case-Name 0.11.4", "a 0.1.0", "a 1.0.0"]');
      const lock = readFileSync(path.join(dir, 'Cargo.lock'), 'utf8');
      const asked = registry.log().filter((entry) => entry.path.startsWith('/crates/'));
      expect(asked.length).toBeGreaterThan(10);
      expect(asked.every((entry) => entry.status === 200)).toBe(true);
      for (const version of registry.versions) {
        if (lock.includes(`name = "${version.name}"\nversion = "${version.vers}"\n`))
          expect(lock).toContain(version.cksum);
      }
    },
    120_000,
  );
});
