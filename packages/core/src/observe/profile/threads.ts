import { Session } from 'node:inspector/promises';
import { MirrorError } from '../../errors.ts';

/** A thread of this process, as the inspector of Node sees it. */
export interface InspectedThread {
  /** `main`, or `worker 1`. */
  readonly name: string;
  /**
   * Call a method of the inspector protocol in that thread. Rejects when the thread ends before it answers, or gives no answer
   * within `ANSWER_MS`, as one that waits for another without turning its event loop.
   */
  call(method: string, params?: object): Promise<unknown>;
}

/**
 * Do `work` with all threads that there are now. The workers need no code of their own for it: the inspector reaches them from
 * the main thread.
 *
 * @see https://nodejs.org/api/inspector.html
 * @see https://chromedevtools.github.io/devtools-protocol/
 */
export async function inspectThreads<T>(work: (threads: readonly InspectedThread[]) => Promise<T>): Promise<T> {
  const session = new Session();
  session.connect();
  try {
    const main: InspectedThread = { name: 'main', call: (method, params = {}) => call(session, method, params) };
    return await work([main, ...(await workersOf(session))]);
  } finally {
    await call(session, 'NodeWorker.disable').catch(() => undefined);
    session.disconnect();
  }
}

async function workersOf(session: Session): Promise<readonly InspectedThread[]> {
  const workers: InspectedThread[] = [];
  session.on('NodeWorker.attachedToWorker', ({ params }) => {
    const name = /^\[(worker \d+)\]/.exec(params.workerInfo.title)?.[1] ?? params.workerInfo.title;
    workers.push(inspectedWorker(session, params.sessionId, name));
  });
  await call(session, 'NodeWorker.enable', { waitForDebuggerOnStart: false });
  return [...workers];
}

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

function inspectedWorker(session: Session, sessionId: string, name: string): InspectedThread {
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let count = 0;
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    if (params.sessionId !== sessionId) return;
    const { id = 0, result, error } = JSON.parse(params.message) as Reply;
    if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new MirrorError('ERR_INTERNAL', `${name}: ${error.message}`));
    waiting.delete(id);
  });
  session.on('NodeWorker.detachedFromWorker', ({ params }) => {
    if (params.sessionId !== sessionId) return;
    for (const { reject } of waiting.values()) reject(new MirrorError('ERR_INTERNAL', `${name} has ended`));
    waiting.clear();
  });
  return {
    name,
    call: (method, params = {}) =>
      new Promise((resolve, reject) => {
        const id = ++count;
        const late = setTimeout(() => {
          waiting.delete(id);
          reject(new MirrorError('ERR_INTERNAL', `${name} gives no answer`));
        }, ANSWER_MS);
        const settling =
          <A>(settle: (argument: A) => void) =>
          (argument: A): void => {
            clearTimeout(late);
            settle(argument);
          };
        waiting.set(id, { resolve: settling(resolve), reject: settling(reject) });
        const message = JSON.stringify({ id, method, params });
        call(session, 'NodeWorker.sendMessageToWorker', { sessionId, message }).catch(reject);
      }),
  };
}

const ANSWER_MS = 5000;

/** The types know a signature for each method; here methods are data. */
function call(session: Session, method: string, params: object = {}): Promise<unknown> {
  return (session.post as (method: string, params: object) => Promise<unknown>).call(session, method, params);
}
