import { dependencyOn, versionOf } from './version-plan.ts';
import type { CratePlan } from './version-plan.ts';

/** The longest name crates.io takes. */
const LONGEST_NAME = 'a-name-of-sixty-four-characters-which-is-the-longest-one-allowed';
/** A version as long as the longest of the real index, 147 characters. */
const LONG_VERSION = `1.0.0-alpha.1+${'long-build-metadata.'.repeat(7).slice(0, 133)}`;

/**
 * One crate for each thing that index lines, names or versions can have, the ones most worth having first. Cargo accepts
 * them all, and each depends only on crates before it.
 */
export function specialCrates(): CratePlan[] {
  return [
    crate('a', [{ vers: '0.1.0' }, { vers: '1.0.0', pubtime: '2015-05-15T16:10:00Z' }]),
    crate('ab', [{ vers: '0.0.0' }, { vers: '0.0.1-alpha.1' }, { vers: '0.2.0', pubtime: '2025-11-01T00:00:01Z' }]),
    crate('abc', [{ vers: '1.2.3', deps: [dependencyOn('a', '1.0.0')], features: { loud: [] } }]),
    crate('Upper_Case-Name', [{ vers: '0.11.4' }, { vers: '0.11.5-RC.1' }]),
    plusVersions(),
    preReleases(),
    yankedVersions(),
    crate('all-yanked', [
      { vers: '0.1.0', yanked: true },
      { vers: '0.2.0', yanked: true },
    ]),
    newFeatures(),
    crate('links-sys', [{ vers: '0.3.1', links: 'fake_native', pubtime: '2021-01-02T03:04:05Z' }]),
    crate('rust-version', [
      { vers: '1.0.0' },
      { vers: '1.1.0', rust_version: '1.56' },
      { vers: '1.2.0', rust_version: '1.63.0' },
    ]),
    unknownFields(),
    renamedDependency(),
    dependencyKinds(),
    crate(LONGEST_NAME, [{ vers: '1.0.0', deps: [dependencyOn('links-sys', '0.3.1')] }]),
    crate('long-version', [{ vers: '0.9.0' }, { vers: LONG_VERSION }]),
    crate('S', [{ vers: '0.1.0' }]),
    crate('Cd', [{ vers: '0.1.0' }]),
    crate('x-y', [{ vers: '0.1.0' }]),
    crate('Q_z', [{ vers: '2.0.0-beta.11' }, { vers: '2.0.0' }]),
    crate('abcd', [{ vers: '0.1.0' }]),
    crate('a-bc', [{ vers: '0.1.0' }]),
    crate('b-cde', [{ vers: '0.1.0' }, { vers: '0.1.1' }]),
    crate('c_de', [{ vers: '0.1.0' }]),
    crate('ends-with-', [{ vers: '0.1.0' }]),
    crate('v1', [{ vers: '1.0.0' }]),
    crate('n0-1-2', [{ vers: '18446744073709551615.0.0' }]),
    manyVersions(),
  ];
}

/**
 * Crates whose names crates.io refuses today or whose files some file systems cannot tell apart: names that begin with a
 * digit, Windows device names, versions that differ only in case. Not for `cargo build`, not for Windows disks.
 */
export function oddCrates(): CratePlan[] {
  return [
    crate('1serde', [{ vers: '1.0.0' }]),
    crate('1-abc', [{ vers: '1.0.0' }]),
    crate('2-d', [{ vers: '1.0.0' }]),
    crate('3d', [{ vers: '1.0.0' }]),
    crate('4-ever', [{ vers: '1.0.0' }]),
    crate('nul', [{ vers: '0.1.0' }]),
    crate('com1', [{ vers: '0.1.0' }]),
    crate('case-versions', [{ vers: '1.0.0-rc1' }, { vers: '1.0.0-RC1' }]),
  ];
}

type VersionFields = Parameters<typeof versionOf>[2] & { readonly vers: string };

function crate(name: string, versions: readonly VersionFields[]): CratePlan {
  return { name, versions: versions.map((fields) => versionOf(name, fields.vers, fields)) };
}

/** Versions that nothing but the part after `+` tells apart. */
function plusVersions(): CratePlan {
  return crate('plus-versions', [
    { vers: '0.1.0' },
    { vers: '1.0.0+1.1.1' },
    { vers: '1.0.0+1.1.1-x.2' },
    { vers: '1.0.0' },
    { vers: '1.0.1-beta.1+build.5', pubtime: '2022-02-22T22:22:22Z' },
  ]);
}

function preReleases(): CratePlan {
  return crate('pre-releases', [
    { vers: '1.0.0-alpha' },
    { vers: '1.0.0-alpha.1' },
    { vers: '1.0.0-0.3.7' },
    { vers: '1.0.0-x-y-z.--' },
    { vers: '1.0.0' },
    { vers: '2.0.0-rc.1', yanked: true },
  ]);
}

function yankedVersions(): CratePlan {
  return crate('yanked-versions', [
    { vers: '0.1.0', yanked: true },
    { vers: '0.1.1' },
    { vers: '0.1.2', yanked: true, pubtime: '2024-06-01T12:00:00Z' },
    { vers: '0.1.3' },
  ]);
}

function newFeatures(): CratePlan {
  const deps = [dependencyOn('a', '1.0.0', { optional: true }), dependencyOn('abc', '1.2.3', { optional: true })];
  return crate('new-features', [
    { vers: '0.1.0', features: { default: ['std'], std: [] } },
    {
      vers: '1.0.0',
      deps,
      features: { default: ['std'], std: [] },
      features2: { letters: ['dep:a', 'dep:abc'], 'std-letters': ['abc?/loud', 'std'] },
      rust_version: '1.60',
      pubtime: '2022-04-07T10:00:00Z',
    },
  ]);
}

function unknownFields(): CratePlan {
  return crate('unknown-fields', [
    { vers: '1.0.0' },
    { vers: '1.0.1', unknown: { 'x-note': { 'a<b>': ['&', '\u2028', 1e21, null] }, zz: '"yanked":true,"cksum":"' } },
  ]);
}

function renamedDependency(): CratePlan {
  const deps = [
    dependencyOn('other', '0.11.4', { package: 'Upper_Case-Name' }),
    dependencyOn('older', '0.1.0', { package: 'a' }),
    dependencyOn('a', '1.0.0'),
  ];
  return crate('renamed-dependency', [{ vers: '0.5.0', deps, pubtime: '2020-02-29T23:59:59Z' }]);
}

function dependencyKinds(): CratePlan {
  const deps = [
    dependencyOn('a', '1.0.0', { req: '>=1.0, <2' }),
    dependencyOn('ab', '0.2.0', { target: 'cfg(windows)' }),
    dependencyOn('abc', '1.2.3', { kind: 'dev' }),
    dependencyOn('links-sys', '0.3.1', { kind: 'build', default_features: false }),
    dependencyOn('new-features', '1.0.0', { features: ['letters', 'std-letters'], default_features: false }),
    dependencyOn('rust-version', '1.0.0', { optional: true, target: 'x86_64-pc-windows-msvc', req: '*' }),
  ];
  return crate('dependency-kinds', [
    { vers: '0.1.0', deps: deps.slice(0, 2) },
    { vers: '0.2.0', deps },
  ]);
}

function manyVersions(): CratePlan {
  const numbers = Array.from({ length: 40 }, (_, index) => ({ vers: `0.${Math.floor(index / 10)}.${index % 10}` }));
  return crate('many-versions', numbers);
}
