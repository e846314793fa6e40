import { formatBytes, html } from '@mirror/core';
import type { Content, Html } from '@mirror/core';
import type { Answer } from '../http/answer.ts';
import type { IndexTime, MirrorState } from '../state/mirror-state.ts';
import { pageAnswer } from './page.ts';
import { count, counted, timeAgo } from './quantities.ts';

/** What the start page tells. */
export interface StartPageParts {
  readonly address: string;
  /** Undefined until the mirror has been looked through once. */
  readonly state: MirrorState | undefined;
  /** What is hidden, for people. */
  readonly notes: readonly string[];
  readonly now: number;
}

/** The page that says how to use the mirror and what is in it. */
export function startPage({ address, state, notes, now }: StartPageParts): Answer {
  const main = html`<h1>Build Rust from this mirror</h1>
    <p class="lead">
      A copy of a crate registry, as <code>cargo</code> reads it. Tell cargo once; every build after that takes its
      crates from here.
    </p>
    ${stats(state, now)} ${hidden(state, notes)}
    <h2>Set up cargo</h2>
    <p>Put this into <code>~/.cargo/config.toml</code>, or into <code>.cargo/config.toml</code> of one project:</p>
    <pre class="copy">${cargoConfig(address)}</pre>
    <p>
      Nothing else changes: <code>Cargo.toml</code> and <code>Cargo.lock</code> stay as they are, and cargo checks every
      download against its checksum.
    </p>
    <h2>Look things up</h2>
    <p>cargo does not search a replaced registry. Give the mirror a name of its own as well:</p>
    <pre class="copy">${registryConfig(address)}</pre>
    <p>
      Then <code>cargo search serde --registry mirror</code> and <code>cargo info serde --registry mirror</code> work.
      So does the box at the top of this page.
    </p>`;
  return pageAnswer({ address, title: 'Crates mirror', main });
}

/** What cargo needs to build from the mirror at `address` instead of crates.io. */
export function cargoConfig(address: string): string {
  return `[source.crates-io]
replace-with = "mirror"

[source.mirror]
registry = "sparse+${address}/index/"
`;
}

function registryConfig(address: string): string {
  return `[registries.mirror]
index = "sparse+${address}/index/"
`;
}

/** What is left out, and how much that is. */
function hidden(state: MirrorState | undefined, notes: readonly string[]): Html | undefined {
  const crates = state === undefined ? 0 : state.crates - state.shown.crates;
  const versions = state === undefined ? 0 : state.versions - state.shown.versions;
  if (notes.length === 0 && versions === 0) return undefined;
  const lines = [
    ...notes,
    ...(state === undefined
      ? []
      : [`Hidden: ${counted(versions, 'version')}, and with them ${counted(crates, 'whole crate')}.`]),
  ];
  return html`<aside>
    <strong>Not everything is shown.</strong> ${lines.map((line) => html`<span>${line}</span> `)}
  </aside>`;
}

function stats(state: MirrorState | undefined, now: number): Html {
  if (state === undefined)
    return html`<p class="quiet">The mirror is still being counted. Crates can be fetched already.</p>`;
  const { shown, crateFiles, crateBytes, indexTime } = state;
  return html`<dl class="stats">
    ${stat('crates', count(shown.crates))} ${stat('versions', count(shown.versions))}
    ${stat('crate files here', count(crateFiles))} ${stat('size of the files', formatBytes(crateBytes))}
    ${indexTime === undefined ? stat('index updated', 'not known') : stat(TIME_NAMES[indexTime.of], timeAgo(indexTime.at, now))}
  </dl>`;
}

const TIME_NAMES: Readonly<Record<IndexTime['of'], string>> = {
  import: 'imported set made',
  commit: 'index committed',
  sync: 'index synced',
  file: 'index files written',
  published: 'newest publication',
};

function stat(name: string, value: Content): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}
