import { gauge } from './metric.ts';
import type { MetricFamily } from './metric.ts';
import type { View } from './page/view.ts';

/** A piece of work that can be watched: plain data, asked for when somebody looks. */
export interface Observed {
  /** `mirror-downloader`. */
  readonly tool: string;
  readonly version: string;
  /** The numbers as they are now. */
  readonly metrics: () => readonly MetricFamily[];
  /** What `/api/status` says besides the tool and the times; JSON. */
  readonly status: (pace: Pace) => object;
  /** What the page shows. */
  readonly view: (pace: Pace) => View;
  /** Numbers whose course is drawn, as they are now. */
  readonly readings: () => Readonly<Record<string, number>>;
}

/** How much a reading grows per second now, over the last ten seconds or so. */
export type Pace = (reading: string) => number;

/** The numbers of some work, and what work it is. */
export function metricsOf({ tool, version, metrics }: Observed): readonly MetricFamily[] {
  return [gauge('crates_build_info', 'The tool and its version; always 1.', [[{ tool, version }, 1]]), ...metrics()];
}
