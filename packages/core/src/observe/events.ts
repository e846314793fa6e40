import type { ServerResponse } from 'node:http';
import type { Sections } from './page/sections.ts';
import type { Watch } from './watch.ts';

/** Those who look at the page, told by server-sent events what has changed. */
export interface Events {
  /** Answer with events until one side ends; false when there are too many already. */
  add(response: ServerResponse): boolean;
  /** Tell everybody how it ended. */
  end(): void;
}

/**
 * Events for the page: all parts first, then each second those that have changed. A part is made once for all who look, and not at all
 * while nobody does. Who does not take what is sent is let go.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function createEvents(watch: Watch): Events {
  const clients = new Set<ServerResponse>();
  let shown: Partial<Sections> = {};
  const send = (response: ServerResponse, text: string): void => {
    if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
    else response.write(text);
  };
  const tell = (): void => {
    if (clients.size === 0) return;
    const sections = watch.sections();
    const changed = Object.entries(sections).filter(([id, text]) => shown[id as keyof Sections] !== text);
    shown = sections;
    const event = `data: ${JSON.stringify(Object.fromEntries(changed))}\n\n`;
    for (const response of clients) send(response, event);
  };
  const forget = watch.onLook(tell);
  return {
    add: (response) => {
      if (clients.size >= MAX_CLIENTS) return false;
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      clients.add(response);
      response.once('close', () => clients.delete(response));
      // not only what changes next: this one has seen nothing yet
      send(response, `retry: ${String(RETRY_MS)}\ndata: ${JSON.stringify(watch.sections())}\n\n`);
      return true;
    },
    end: () => {
      tell();
      forget();
      for (const response of clients) response.end('event: end\ndata: {}\n\n');
    },
  };
}

const MAX_CLIENTS = 16;
const MAX_WAITING_BYTES = 1 << 20;
const RETRY_MS = 2000;
