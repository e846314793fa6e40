import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { startFakeRegistry } from '@mirror-tools/fake-registry';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { itWith } from '@mirror-tools/test-support';
import { finalRecords, records, run, someVersions, treeOf, workplace } from './mirror-run.ts';

const formats = new URL('../../../docs/formats/', import.meta.url);
const description = readFileSync(new URL('manifest.md', formats), 'utf8');
const schema = JSON.parse(readFileSync(new URL('manifest.schema.json', formats), 'utf8')) as {
  readonly properties: Readonly<Record<string, unknown>>;
};
const validate = new Ajv2020({ allErrors: true, strict: true, strictTypes: false, strictRequired: false }).compile(
  schema,
);

let registry: FakeRegistry;
beforeAll(async () => (registry = await startFakeRegistry({ crates: 20, seed: 9 })));
afterAll(() => registry.close());

it('the schema accepts every kind of record that runs write, and has a word for each of their fields', async () => {
  const { manifest } = await eventfulMirror();
  const recorded = records(manifest);
  for (const record of recorded)
    expect({ record, valid: validate(record), errors: validate.errors }).toMatchObject({ valid: true });
  const statuses = new Set(recorded.map((record) => record['status']));
  expect([...statuses].sort()).toEqual(['absent', 'downloaded', 'failed', 'skipped']);
  const written = new Set(recorded.flatMap((record) => Object.keys(record)));
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining([...written]));
});

it('the schema refuses records that contradict themselves', async () => {
  const { manifest } = await eventfulMirror();
  const [good] = records(manifest).filter((record) => record['status'] === 'downloaded');
  for (const change of [
    { schema_version: 2 },
    { ok: false },
    { size: null },
    { sha256: 'ABC' },
    { status: 'absent' },
    { mtime_us: undefined },
    { path: '../x' },
    { finished_at: 'yesterday' },
    { run_id: undefined },
  ]) {
    const bad = JSON.parse(JSON.stringify({ ...good, ...change })) as unknown;
    expect({ change, valid: validate(bad) }).toEqual({ change, valid: false });
  }
});

it('the description has a row for each field, in the order of the records, and its examples are records', () => {
  const rows = [...description.matchAll(/^\| +((?:`\w+`(?:, )?)+) +\| (?:number|text|true)/gm)];
  const fields = rows.flatMap(([, names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(fields).toEqual(Object.keys(schema.properties));
  const [, example = ''] = /^```json\n([\s\S]*?)^```$/m.exec(description) ?? [];
  const lines = example.trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect({ line, valid: validate(JSON.parse(line)) }).toEqual({ line, valid: true });
});

itWith(['jq', 'bash'], 'the commands of the description read a manifest as they say', async () => {
  const { dir, out, manifest } = await eventfulMirror();
  // the commands name the usual place of a manifest
  mkdirSync(path.join(dir, 'mirror/.mirror'), { recursive: true });
  copyFileSync(manifest, path.join(dir, 'mirror/.mirror/manifest.jsonl'));
  const commands = [...description.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, command = '']) => command);
  const answers = commands.map((command) => execFileSync('bash', ['-c', command], { cwd: dir, encoding: 'utf8' }));
  const [last = '', missing = '', counts = '', sums = ''] = answers;
  const final = [...finalRecords(manifest).values()];
  expect(answers).toHaveLength(4);
  expect(last.trimEnd().split('\n')).toHaveLength(final.length);
  expect(
    missing
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0])
      .sort(),
  ).toEqual(['absent', 'failed']);
  expect(Object.values(JSON.parse(counts) as Record<string, unknown>)).toContainEqual({
    skipped: 1,
    absent: 1,
    failed: 1,
  });
  const listed = sums
    .trimEnd()
    .split('\n')
    .map((line) => line.split('  ').reverse());
  expect(Object.fromEntries(listed)).toEqual(treeOf(out));
});

/** A mirror whose manifest has records of every kind, from two runs. */
async function eventfulMirror(): Promise<ReturnType<typeof workplace>> {
  const place = workplace(registry);
  const [gone, broken] = someVersions(registry);
  registry.setFaults([
    { kind: 'status', status: 403, match: registry.crateUrl(gone, '') },
    { kind: 'status', status: 500, match: registry.crateUrl(broken, '') },
  ]);
  const first = await run([...place.args, '--retries', '1']);
  expect(first.summary).toMatchObject({ downloaded: registry.versions.length - 2, absent: 1, failed: 1 });
  forgetLastDownload(place.manifest);
  const second = await run([...place.args, '--retries', '1']);
  expect(second.summary).toMatchObject({ downloaded: 0, absent: 1, failed: 1 });
  registry.setFaults([]);
  return place;
}

/** As if a run had been killed between a file and its record. */
function forgetLastDownload(manifest: string): void {
  const recorded = records(manifest);
  const at = recorded.findLastIndex((record) => record['status'] === 'downloaded');
  rmSync(manifest);
  for (const record of recorded.toSpliced(at, 1)) appendFileSync(manifest, `${JSON.stringify(record)}\n`);
}
