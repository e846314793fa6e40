/** The course of some numbers: one row of readings for each point in time, oldest first. */
export interface History {
  /** Note how the numbers are now. */
  note(seconds: number, readings: Readonly<Record<string, number>>): void;
  /** The rows that are kept. */
  rows(): readonly HistoryRow[];
}

/** Readings at one time. */
export interface HistoryRow {
  /** Since the beginning. */
  readonly seconds: number;
  readonly readings: Readonly<Record<string, number>>;
}

/**
 * A history that keeps the last `size` rows.
 */
export function createRecentHistory(size: number): History {
  const rows: HistoryRow[] = [];
  return {
    note: (seconds, readings) => {
      rows.push({ seconds, readings });
      if (rows.length > size) rows.shift();
    },
    rows: () => rows,
  };
}

/**
 * A history of everything in at most `size` rows: when they are full, every second one is dropped, and from then on only
 * every second reading is kept. However long a run is, its whole course fits.
 */
export function createWholeHistory(size: number): History {
  let rows: HistoryRow[] = [];
  let step = 1;
  let count = 0;
  return {
    note: (seconds, readings) => {
      if (count % step === 0) rows.push({ seconds, readings });
      count += 1;
      if (rows.length < size) return;
      rows = rows.filter((_, i) => i % 2 === 0);
      step *= 2;
    },
    rows: () => rows,
  };
}

/** How much a reading has grown per second over the last `seconds`; 0 before there are two rows. */
export function paceOf(rows: readonly HistoryRow[], reading: string, seconds = 10): number {
  const last = rows.at(-1);
  const first = rows.find((row) => row.seconds >= (last?.seconds ?? 0) - seconds - 0.5);
  if (last === undefined || first === undefined || first === last) return 0;
  const grown = (last.readings[reading] ?? 0) - (first.readings[reading] ?? 0);
  return Math.max(0, grown) / (last.seconds - first.seconds);
}

/** A number over time. */
export interface Point {
  readonly seconds: number;
  readonly value: number;
}

/** How fast a number that only grows has grown between each two rows, per second. */
export function rateOf(rows: readonly HistoryRow[], name: string): readonly Point[] {
  return rows.slice(1).map(({ seconds, readings }, i) => {
    const before = rows[i]!;
    const grown = (readings[name] ?? 0) - (before.readings[name] ?? 0);
    return { seconds, value: Math.max(0, grown) / Math.max(seconds - before.seconds, 0.001) };
  });
}

/** A number as it was in each row. */
export function levelOf(rows: readonly HistoryRow[], name: string): readonly Point[] {
  return rows.map(({ seconds, readings }) => ({ seconds, value: readings[name] ?? 0 }));
}
