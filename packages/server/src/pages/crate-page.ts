import { formatBytes, html } from '@mirror/core';
import type { Content, FullIndexEntry, Html } from '@mirror/core';
import type { Answer } from '../http/answer.ts';
import { readDependencies } from './dependency.ts';
import type { Dependency } from './dependency.ts';
import { basePathOf, pageAnswer } from './page.ts';
import { counted, day } from './quantities.ts';

/** What a crate's page shows. */
export interface CratePageParts {
  readonly address: string;
  /** The version that is shown in full. */
  readonly shown: FullIndexEntry;
  /** Whether it was chosen for being the newest. */
  readonly isNewest: boolean;
  /** All versions, newest first. */
  readonly versions: readonly FullIndexEntry[];
  /** Bytes of the file of the shown version; undefined when the mirror does not have it. */
  readonly bytes: number | undefined;
}

/** The page of one crate: a version in full, and all versions. */
export function cratePage({ address, shown, isNewest, versions, bytes }: CratePageParts): Answer {
  const base = basePathOf(address);
  const { name, vers } = shown;
  const main = html`<h1>${name} <small>${vers}</small></h1>
    ${shown.yanked ? html`<aside><strong>Yanked.</strong> cargo takes this version only where a lock file already names it.</aside>` : undefined}
    <pre class="copy">cargo add ${name}${isNewest ? '' : `@${pinned(vers)}`}</pre>
    <dl class="facts">
      ${fact('Published', shown.pubtime === undefined ? html`<span class="quiet">the index does not say</span>` : html`<time datetime="${shown.pubtime}">${day(shown.pubtime)}</time>`)}
      ${fact('File', file(base, shown, bytes))} ${fact('SHA-256', html`<code class="digest">${shown.cksum}</code>`)}
      ${textFact('Rust', shown.fields['rust_version'])} ${textFact('Links to', shown.fields['links'])}
      ${features(shown)}
    </dl>
    <h2>Dependencies</h2>
    ${dependencies(base, readDependencies(shown.fields['deps']))}
    <h2>${counted(versions.length, 'version')}</h2>
    ${versionTable(base, shown, versions)}`;
  return pageAnswer({ address, title: `${name} ${vers}`, main });
}

/** cargo does not take build metadata in a requirement as a pin; it is ignored there. */
function pinned(vers: string): string {
  return `=${vers.split('+')[0] ?? vers}`;
}

function fact(name: string, value: Content): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div> `;
}

function textFact(name: string, value: unknown): Html | undefined {
  return typeof value === 'string' && value !== '' ? fact(name, value) : undefined;
}

function file(base: string, { name, vers }: FullIndexEntry, bytes: number | undefined): Html {
  if (bytes === undefined) return html`<span class="missing">not in this mirror</span>`;
  return html`<a href="${base}/crates/${name}/${encodeURIComponent(vers)}/download">${name}-${vers}.crate</a>
    <span class="quiet">${formatBytes(bytes)}</span>`;
}

function features({ fields }: FullIndexEntry): Html | undefined {
  const names = [fields['features'], fields['features2']].flatMap((table) =>
    typeof table === 'object' && table !== null ? Object.keys(table) : [],
  );
  if (names.length === 0) return undefined;
  return fact(
    'Features',
    html`<details>
      <summary>${counted(names.length, 'feature')}</summary>
      <p class="features">${names.map((name) => html`<code>${name}</code> `)}</p>
    </details>`,
  );
}

const KINDS = [
  ['normal', undefined],
  ['build', 'For building'],
  ['dev', 'For development'],
] as const;

function dependencies(base: string, all: readonly Dependency[]): Html {
  if (all.length === 0) return html`<p class="quiet">None.</p>`;
  return html`${KINDS.map(([kind, title]) => {
    const some = all.filter((dependency) => dependency.kind === kind);
    if (some.length === 0) return undefined;
    return html`${title === undefined ? undefined : html`<h3>${title}</h3>`}
      <ul class="hits">
        ${some.map((dependency) => html`<li>${dependencyLine(base, dependency)}</li> `)}
      </ul> `;
  })}`;
}

function dependencyLine(
  base: string,
  { crate, alias, req, isOptional, target, features, hasDefaultFeatures, isHere }: Dependency,
): Html {
  const more = [
    alias === undefined ? undefined : `as ${alias}`,
    isOptional ? 'optional' : undefined,
    target === undefined ? undefined : `on ${target}`,
    hasDefaultFeatures ? undefined : 'without default features',
    features.length === 0 ? undefined : `with ${features.join(', ')}`,
  ].filter((part) => part !== undefined);
  const name = isHere ? html`<a href="${base}/crates/${crate}">${crate}</a>` : html`${crate}`;
  return html`${name}
    <code>${req}</code>${more.length === 0 ? undefined : html` <span class="quiet">${more.join(' · ')}</span>`}`;
}

function versionTable(base: string, shown: FullIndexEntry, versions: readonly FullIndexEntry[]): Html {
  return html`<table>
    <thead>
      <tr>
        <th>Version</th>
        <th>Published</th>
        <th>SHA-256</th>
      </tr>
    </thead>
    <tbody>
      ${versions.map(
        (
          entry,
        ) => html`<tr${entry === shown ? html` aria-current="true"` : undefined}><td><a href="${base}/crates/${entry.name}/${encodeURIComponent(entry.vers)}">${entry.vers}</a>${entry.yanked ? html` <span class="tag">yanked</span>` : undefined}</td><td>${entry.pubtime === undefined ? '–' : day(entry.pubtime)}</td><td><code class="digest">${entry.cksum}</code></td></tr>
`,
      )}
    </tbody>
  </table>`;
}
