import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A server of single files. */
export interface FileServer {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  close(): Promise<void>;
}

/** Serve the files below `dir` as they are at the time, with an ETag of their bytes; what is not there is 404. */
export async function startFileServer(dir: string): Promise<FileServer> {
  const server = createServer((request, response) => {
    let bytes: Buffer;
    try {
      bytes = readFileSync(path.join(dir, path.posix.normalize(decodeURIComponent(request.url ?? '/'))));
    } catch {
      response.writeHead(404).end();
      return;
    }
    const etag = `"${createHash('sha1').update(bytes).digest('hex')}"`;
    const isKnown = request.headers['if-none-match'] === etag;
    response.writeHead(isKnown ? 304 : 200, { etag }).end(isKnown ? undefined : bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
