/** What the live page shows, as plain data: everything in it is text and becomes HTML only in `sections.ts`. */
export interface View {
  /** What is going on: `Downloading to /srv/mirror`. */
  readonly title: string;
  readonly progress?: Progress | undefined;
  readonly tiles: readonly Tile[];
  readonly charts: readonly ChartSpec[];
  readonly tables: readonly Table[];
}

/** How far it has come. */
export interface Progress {
  readonly done: number;
  /** Undefined while nobody knows. */
  readonly total: number | undefined;
  /** Milliseconds. */
  readonly etaMs: number | undefined;
}

/** A number with its name. */
export interface Tile {
  readonly label: string;
  readonly value: string;
  /** A few words below it. */
  readonly note?: string | undefined;
  /** Something that a person should look at. */
  readonly isBad?: boolean | undefined;
}

/** A line over time. */
export interface ChartSpec {
  readonly title: string;
  /** One of the readings. */
  readonly reading: string;
  /** Its growth per second, or the number itself. */
  readonly as: 'rate' | 'level';
  readonly format: (value: number) => string;
}

/** Rows of text. */
export interface Table {
  readonly title: string;
  /** Said instead of a table without rows. */
  readonly empty: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
