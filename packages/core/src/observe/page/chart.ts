import { html } from '../../web/html.ts';
import type { Html } from '../../web/html.ts';
import type { Point } from '../history.ts';

/** How a chart is drawn. */
export interface ChartOptions {
  readonly title: string;
  readonly points: readonly Point[];
  readonly format: (value: number) => string;
}

/**
 * A line over time with the area below it, as SVG that stretches to any width; what it says in numbers stands around it as text. Its
 * height begins at zero, so that two charts can be compared by eye.
 */
export function chart({ title, points, format }: ChartOptions): Html {
  const now = points.at(-1)?.value ?? 0;
  const peak = points.reduce((most, { value }) => Math.max(most, value), 0);
  const from = points.at(0)?.seconds ?? 0;
  const to = points.at(-1)?.seconds ?? 0;
  const line = points
    .map(({ seconds, value }, i) => {
      const x = to === from ? 0 : ((seconds - from) / (to - from)) * WIDTH;
      const y = peak === 0 ? HEIGHT : HEIGHT - (value / peak) * (HEIGHT - ROOM);
      return `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
  const label = `${title}: ${format(now)} now, ${format(peak)} at most`;
  return html`<figure>
    <figcaption><span>${title}</span><b>${format(now)}</b></figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">
      <path class="area" d="${line === '' ? '' : `${line}V${String(HEIGHT)}H0Z`}" />
      <path class="line" d="${line}" />
    </svg>
    <p class="axis"><span>${spanOf(to - from)} ago</span><span>at most ${format(peak)}</span><span>now</span></p>
  </figure>`;
}

const WIDTH = 600;
const HEIGHT = 120;
/** Above the highest point, for the width of the line. */
const ROOM = 3;

function spanOf(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  return seconds < 5400 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
