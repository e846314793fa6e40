import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** A version that must be there. */
interface Wanted {
  readonly name: string;
  readonly vers: string;
  readonly cksum: string;
}

/** What is wrong with a mirror: files that are missing, different or too many, versions without a good last record. */
export function compareWithIndex(wanted: readonly Wanted[], disk: string, manifest: string): string[] {
  const out = path.join(disk, 'mirror');
  const expected = new Map(wanted.map((version) => [`${version.name}-${version.vers}.crate`, version]));
  const problems: string[] = [];
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile() || file.startsWith(path.join(out, '.mirror'))) continue;
    const version = expected.get(entry.name);
    if (version === undefined) problems.push(`nobody asked for ${file}`);
    else if (createHash('sha256').update(readFileSync(file)).digest('hex') !== version.cksum)
      problems.push(`wrong bytes in ${file}`);
    expected.delete(entry.name);
  }
  problems.push(...[...expected.keys()].map((file) => `missing: ${file}`), ...recordProblems(wanted, manifest));
  return problems;
}

function recordProblems(wanted: readonly Wanted[], manifest: string): string[] {
  const last = new Map<string, { ok: boolean; sha256: string }>();
  for (const line of readFileSync(manifest, 'utf8').split('\n')) {
    if (line === '') continue;
    const record = JSON.parse(line) as { name: string; vers: string; ok: boolean; sha256: string };
    last.set(`${record.name} ${record.vers}`, record);
  }
  return wanted
    .filter(({ name, vers, cksum }) => {
      const record = last.get(`${name} ${vers}`);
      return record?.ok !== true || record.sha256 !== cksum;
    })
    .map(({ name, vers }) => `no good record of ${name} ${vers}`);
}
