import { html } from '@mirror/core';
import type { Answer } from '../http/answer.ts';
import { pageAnswer } from './page.ts';

/** The page to which `cargo login` sends people for a token. */
export function loginPage(address: string): Answer {
  const main = html`<h1>No token is needed</h1>
    <p class="lead">
      This is a read-only mirror: everyone may fetch from it, and nobody can publish to it. It gives out no tokens, so
      leave
      <code>cargo login</code> with Ctrl-C. To publish, log in to the registry that is mirrored:
      <code>cargo login --registry crates-io</code>.
    </p>`;
  return pageAnswer({ address, title: 'No token is needed', main });
}
