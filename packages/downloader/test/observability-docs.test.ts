import { describe, expect, it } from '@jest/globals';
import type { MetricFamily, Observed } from '@mirror/core/observe';
import { loadMetricsFormat } from '@mirror/core/observe';
import { itWith } from '@mirror-tools/test-support';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createState } from '../dist/download-state.js';
import { downloadMetrics } from '../dist/observe/download-metrics.js';

const DOCS = new URL('../../../docs/observability/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, DOCS), 'utf8');

/** The built code of another tool: what all of them expose together is what a dashboard may ask for. */
const load = async <T>(file: string): Promise<T> => (await import(new URL(`../../${file}`, import.meta.url).href)) as T;

async function exposedNames(): Promise<ReadonlySet<string>> {
  const { serverMetrics } = await load<{ serverMetrics: (facts: object) => readonly MetricFamily[] }>(
    'server/dist/observe/server-metrics.js',
  );
  const { createMetrics } = await load<{ createMetrics: () => object }>('server/dist/observe/metrics.js');
  const { observeSync } = await load<{ observeSync: (sync: object) => Observed }>(
    'index-sync/dist/observe/observe-sync.js',
  );
  const { noRounds } = await load<{ noRounds: () => object }>('index-sync/dist/observe/sync-rounds.js');
  const { runEndMetrics } = await load<{ runEndMetrics: (end: object) => readonly MetricFamily[] }>(
    'core/dist/observe/textfile.js',
  );
  const bundles = { bundled: 0, bundled_bytes: 0, refused: 0, finished: [] };
  const unknown = { total: undefined, disk: undefined, indexTime: undefined };
  const places = { indexDir: 'x', roots: [], bundleDirs: [] };
  const mirror = { places, index: { cachedBytes: 0 }, crates: { cachedBytes: 0 } };
  const families = [
    ...downloadMetrics({ out: 'x', state: createState(), ceiling: 1, bundles, ...unknown }),
    ...serverMetrics({ mirror, watch: {}, metrics: createMetrics() }),
    ...observeSync({ version: '0', indexDir: 'x', rounds: noRounds(), received: { bytes: 0 } }).metrics(),
    ...runEndMetrics({ status: 0, at: 0 }),
  ];
  const ofProcess = [...(await (await loadMetricsFormat()).watchProcess()()).matchAll(/^# TYPE (\w+)/gm)];
  return new Set([
    'crates_build_info',
    ...families.flatMap(({ name, type }) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
    ...ofProcess.map(([, name]) => name!),
  ]);
}

const namesIn = (text: string): string[] => [...new Set(text.match(/\b(?:crates|mirror|process|nodejs)_[a-z0-9_]+/g))];

describe('the files for Prometheus and Grafana', () => {
  it('ask for nothing that the tools do not expose', async () => {
    const exposed = await exposedNames();
    const dashboard = JSON.parse(read('grafana-dashboard.json')) as { panels: { targets?: { expr: string }[] }[] };
    const asked = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(asked.length).toBeGreaterThan(20);
    const rules = read('alerts.yml').replaceAll(/^groups:[^]*?rules:|^ *description:.*$/gm, '');
    const named = namesIn([...asked, rules, read('alerts.test.yml')].join('\n'));
    expect(named.filter((name) => !exposed.has(name))).toEqual([]);
    // the page says the name of a distribution, not those of its parts
    const told = namesIn(read('README.md')).filter((name) => !exposed.has(name) && !exposed.has(`${name}_count`));
    expect(told).toEqual([]);
  });

  it('leave no number out that a tool of ours exposes: the page says what each means', async () => {
    const page = read('README.md');
    const ours = [...(await exposedNames())].filter((name) => /^(crates|mirror)_/.test(name));
    const plain = ours.filter((name) => !/_(bucket|sum|count)$/.test(name) || name.endsWith('_files_count'));
    expect(plain.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
  });

  it('are a dashboard whose panels each have their place', () => {
    const { panels } = JSON.parse(read('grafana-dashboard.json')) as {
      panels: { id: number; title: string; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, gridPos: a } of panels) {
      expect([title, a.x + a.w <= 24]).toEqual([title, true]);
      const above = panels.filter(
        ({ gridPos: b }) => b !== a && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
      );
      expect([title, above.map((each) => each.title)]).toEqual([title, []]);
    }
  });

  itWith(['promtool'], 'are alerts that promtool takes, and that fire when they should', () => {
    const promtool = (...args: string[]): [number | null, string] => {
      const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: fileURLToPath(DOCS), encoding: 'utf8' });
      return [status, stdout + stderr];
    };
    expect(promtool('check', 'rules', 'alerts.yml')).toEqual([0, expect.stringContaining('SUCCESS')]);
    expect(promtool('test', 'rules', 'alerts.test.yml')).toEqual([0, expect.stringContaining('SUCCESS')]);
    const alerts = [...read('alerts.yml').matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
    expect(alerts.filter((name) => !read('alerts.test.yml').includes(name))).toEqual([]);
  });

  it('are all named in the page about them', () => {
    const files = readdirSync(DOCS).filter((name) => name !== 'README.md');
    expect(files.filter((name) => !read('README.md').includes(`(${name})`))).toEqual([]);
  });
});
