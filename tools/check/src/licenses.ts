import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { ProductionPackage } from './production-tree.ts';
import { workspaceRoot } from './workspace.ts';

/** Licences that ask for no more than that they are passed on, and those of ISC's kind. Another one wants a person to look. */
const KNOWN = [
  'MIT',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'Unlicense',
  'CC0-1.0',
  'Zlib',
];

/** OpenPGP.js: used as it is, unchanged, as a package of its own, which the LGPL allows to programs of any licence. */
const LOOKED_AT: Readonly<Record<string, string>> = { openpgp: 'LGPL-3.0+' };

/** What is wrong with the licences of what we bring: one that nobody has looked at. */
export function licenseProblems(packages: readonly ProductionPackage[]): readonly string[] {
  return packages
    .filter(({ name, license }) => LOOKED_AT[name] !== license && !isKnown(license))
    .map(({ name, version, license }) => `${name} ${version}: licence ${license} has not been looked at`);
}

/** The page `docs/licenses.md`: every package that comes with ours, its version and licence, and who brings it. */
export async function licensesPage(packages: readonly ProductionPackage[]): Promise<string> {
  const counts = new Map<string, number>();
  for (const { license } of packages) counts.set(license, (counts.get(license) ?? 0) + 1);
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const rows = packages.map(
    ({ name, version, license, broughtBy, hasNativeParts }) =>
      `| [${name}](https://www.npmjs.com/package/${name}) | ${version} | ${license} | ${hasNativeParts ? 'yes' : ''} | ${broughtBy.map((each) => each.replace('@mirror/', '')).join(', ')} |`,
  );
  const page = [
    '# Licences of the dependencies',
    '',
    '<!-- written by `pnpm docs:help` from the installed packages; a test compares -->',
    '',
    `Installing all of our packages, which are MIT, brings ${String(packages.length)} packages of others, in the versions that the lock file has: ${byCount.map(([license, count]) => `${String(count)} ${license}`).join(', ')}.`,
    'Native parts are optional packages of the same project, version and licence, one for each kind of machine. None runs a script when it is installed, and none is fetched from anywhere but the registry.',
    '',
    'OpenPGP.js is LGPL-3.0 or later: it is used unchanged, as a package of its own.',
    '',
    '| package | version | licence | native parts | comes with |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
  const file = path.join(workspaceRoot, 'docs/licenses.md');
  return format(page, { ...(await resolveConfig(file)), filepath: file });
}

function isKnown(license: string): boolean {
  return license
    .replace(/[()]/g, '')
    .split(/ (?:OR|AND) /)
    .every((each) => KNOWN.includes(each));
}
