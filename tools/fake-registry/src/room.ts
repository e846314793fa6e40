import type { Writable } from 'node:stream';

/** Resolves when `stream` takes more, or when `over` fires. */
export async function room(stream: Writable, over: AbortSignal): Promise<void> {
  if (over.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      over.removeEventListener('abort', done);
      resolve();
    };
    stream.on('drain', done);
    over.addEventListener('abort', done);
  });
}
