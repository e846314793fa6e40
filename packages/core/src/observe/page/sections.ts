import { formatDuration } from '../../format-quantity.ts';
import { html } from '../../web/html.ts';
import type { Content, Html } from '../../web/html.ts';
import { levelOf, rateOf } from '../history.ts';
import type { HistoryRow } from '../history.ts';
import { chart } from './chart.ts';
import type { ChartSpec, Progress, Table, Tile, View } from './view.ts';

/** The parts of the page that change, as HTML, by the id of the element that they stand in. */
export type Sections = Readonly<Record<'title' | 'progress' | 'tiles' | 'charts' | 'whole' | 'tables', string>>;

/** What the charts are drawn from. */
export interface Courses {
  /** The last minutes, each second. */
  readonly recent: readonly HistoryRow[];
  /** The whole run. */
  readonly whole: readonly HistoryRow[];
}

/** Make the changing parts of the page. */
export function renderSections(view: View, { recent, whole }: Courses): Sections {
  // while the run is as young as what is kept of it, both would show the same
  const hasMore = (recent[0]?.seconds ?? 0) > 30;
  return {
    title: html`${view.title}`.html,
    progress: view.progress === undefined ? '' : progressBar(view.progress).html,
    tiles: html`${view.tiles.map(tile)}`.html,
    charts: html`${view.charts.map((spec) => drawn(spec, recent))}`.html,
    whole: hasMore
      ? html`<h2>Since the beginning</h2>
          <div class="charts">${view.charts.filter(({ as }) => as === 'rate').map((spec) => drawn(spec, whole))}</div>`
          .html
      : '',
    tables: html`${view.tables.map(table)}`.html,
  };
}

function drawn({ title, reading, as, format }: ChartSpec, rows: readonly HistoryRow[]): Html {
  return chart({ title, format, points: as === 'rate' ? rateOf(rows, reading) : levelOf(rows, reading) });
}

function progressBar({ done, total, etaMs }: Progress): Html {
  const count = done.toLocaleString('en');
  if (total === undefined)
    return html`<progress></progress>
      <p><b>${count}</b> done; how many there are is not known yet</p>`;
  const percent = total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 1000) / 10);
  const eta = etaMs === undefined ? undefined : html`, <b>${formatDuration(etaMs)}</b> to go`;
  return html`<progress value="${done}" max="${Math.max(total, 1)}"></progress>
    <p><b>${percent.toFixed(1)} %</b>: ${count} of ${total.toLocaleString('en')}${eta}</p>`;
}

function tile({ label, value, note, isBad }: Tile): Html {
  return html`<div class="${isBad === true ? 'bad' : ''}">
    <dt>${label}</dt>
    <dd>${value}${note === undefined ? undefined : html` <small>${note}</small>`}</dd>
  </div>`;
}

function table({ title, empty, columns, rows }: Table): Html {
  const body: Content =
    rows.length === 0
      ? html`<p class="quiet">${empty}</p>`
      : html`<div class="scroll">
          <table>
            <thead>
              <tr>
                ${columns.map((each) => html`<th>${each}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${rows.map(
                (row) =>
                  html`<tr>
                    ${row.map((each) => html`<td>${each}</td>`)}
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>`;
  return html`<section>
    <h2>${title}</h2>
    ${body}
  </section>`;
}
