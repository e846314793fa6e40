import { formatBytes, html } from '@mirror/core';
import type { Content, Html } from '@mirror/core';
import type { Answer } from '../http/answer.ts';
import type { MirrorState } from '../state/mirror-state.ts';
import { pageAnswer } from './page.ts';
import { count, timeAgo } from './quantities.ts';

/** What the start page tells. */
export interface StartPageParts {
  readonly address: string;
  /** Undefined until the mirror has been looked through once. */
  readonly state: MirrorState | undefined;
  readonly indexTime: number | undefined;
  /** What is hidden, for people. */
  readonly notes: readonly string[];
  readonly now: number;
}

/** The page that says how to use the mirror and what is in it. */
export function startPage({ address, state, indexTime, notes, now }: StartPageParts): Answer {
  const main = html`<h1>Build Rust from this mirror</h1>
    <p class="lead">
      A copy of a crate registry, as <code>cargo</code> reads it. Tell cargo once; every build after that takes its
      crates from here.
    </p>
    ${stats(state, indexTime, now)}
    ${notes.length === 0 ? undefined : html`<aside><strong>Not everything is shown.</strong> ${notes.map((note) => html`<span>${note}</span> `)}</aside>`}
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

function stats(state: MirrorState | undefined, indexTime: number | undefined, now: number): Html {
  if (state === undefined)
    return html`<p class="quiet">The mirror is still being counted. Crates can be fetched already.</p>`;
  const { crates, versions, crateFiles, crateBytes } = state;
  return html`<dl class="stats">
    ${stat('crates', count(crates))} ${stat('versions', count(versions))} ${stat('crate files here', count(crateFiles))}
    ${stat('size of the files', formatBytes(crateBytes))}
    ${stat('index updated', indexTime === undefined ? 'not known' : timeAgo(indexTime, now))}
  </dl>`;
}

function stat(name: string, value: Content): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}
