import type { Answer } from '../http/answer.ts';
import { html } from '@mirror/core';
import { pageAnswer } from './page.ts';

/** A page that says what is wrong. */
export function errorPage(address: string, status: number, title: string, text: string): Answer {
  const main = html`<h1>${title}</h1>
    <p class="lead">${text}</p>`;
  return pageAnswer({ address, title, main, status });
}
