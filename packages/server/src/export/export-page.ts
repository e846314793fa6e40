import { html } from '@mirror/core';
import { pageAnswer } from '../pages/page.ts';
import { cargoConfig } from '../pages/start-page.ts';
import { FAVICON, STYLE } from '../pages/style.ts';

/** The start page of a static tree, and what it is made of. */
export function exportPage(publicUrl: string): {
  readonly html: Buffer;
  readonly style: Buffer;
  readonly favicon: Buffer;
} {
  const main = html`<h1>Build Rust from this mirror</h1>
    <p class="lead">
      A copy of a crate registry, as <code>cargo</code> reads it. Tell cargo once; every build after that takes its
      crates from here.
    </p>
    <h2>Set up cargo</h2>
    <p>Put this into <code>~/.cargo/config.toml</code>, or into <code>.cargo/config.toml</code> of one project:</p>
    <pre class="copy">${cargoConfig(publicUrl)}</pre>
    <p>
      Nothing else changes: <code>Cargo.toml</code> and <code>Cargo.lock</code> stay as they are, and cargo checks every
      download against its checksum.
    </p>`;
  const { bytes = Buffer.alloc(0) } = pageAnswer({
    address: publicUrl,
    title: 'Crates mirror',
    main,
    isStatic: true,
  }).body;
  return { html: bytes, style: Buffer.from(STYLE), favicon: Buffer.from(FAVICON) };
}
