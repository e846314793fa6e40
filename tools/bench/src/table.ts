import type { Sample } from './sample.ts';

/** A contender with its medians. */
export interface Row {
  readonly name: string;
  readonly sample: Sample;
  /** The fastest and the slowest wall time. */
  readonly range: readonly [number, number];
}

/** What the runs worked on. */
export interface Workload {
  readonly files: number;
  readonly bytes: number;
}

/**
 * A Markdown table with a line for each contender: seconds, files and megabytes (10^6) a second, memory in MiB, and ratios to the
 * row called `reference`.
 */
export function formatTable(rows: readonly Row[], { files, bytes }: Workload, reference: string): string {
  const base = rows.find(({ name }) => name === reference)?.sample;
  const head = [
    ...['contender', 'wall s (min-max)', 'CPU s', 'peak MiB', 'server s', 'other s', 'files/s', 'MB/s'],
    ...(base === undefined ? [] : [`wall / ${reference}`, `CPU / ${reference}`]),
  ];
  const lines = rows.map(({ name, sample, range }) => [
    name,
    `${sample.wall.toFixed(2)} (${range.map((wall) => wall.toFixed(1)).join('-')})`,
    sample.cpu.toFixed(2),
    sample.rss === undefined ? '-' : (sample.rss / 2 ** 20).toFixed(0),
    sample.server.toFixed(1),
    sample.other.toFixed(1),
    (files / sample.wall).toFixed(0),
    (bytes / sample.wall / 1e6).toFixed(0),
    ...(base === undefined ? [] : [(sample.wall / base.wall).toFixed(2), (sample.cpu / base.cpu).toFixed(2)]),
  ]);
  return alignedTable([head, ...lines]);
}

/** Lines of cells, the first of them the head, as a Markdown table whose columns are aligned: words to the left, figures to the right. */
export function alignedTable(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |\n`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [head = [], ...rest] = lines;
  return text(head) + text(rule) + rest.map(text).join('');
}
