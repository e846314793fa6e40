import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'undici';

/** A real browser, without a window. */
export interface Browser {
  /** What it complained of: refused styles, failed loads, errors. */
  readonly complaints: readonly string[];
  look(width: number, scheme: 'light' | 'dark'): Promise<void>;
  go(url: string): Promise<void>;
  /** The text of the first element that a selector finds, as it is shown. */
  text(selector: string): Promise<string>;
  /** Click the middle of an element and wait for the next page. */
  click(selector: string): Promise<void>;
  type(selector: string, text: string): Promise<void>;
  submit(selector: string): Promise<void>;
  /** Resolves when an element that a selector finds has a text that fits; rejects after 20 seconds. */
  see(selector: string, fitting: RegExp): Promise<void>;
  /** A picture of the page in PNG form, the whole height of it. */
  picture(): Promise<Buffer>;
  /** Whether the page has to be scrolled sideways. */
  isTooWide(): Promise<boolean>;
  close(): Promise<void>;
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-port=0',
];

/** Start Chromium and open a page in it. Scripts of pages run only when `scripts` says so. */
export async function openBrowser({ scripts = false } = {}): Promise<Browser> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'mirror-browser-'));
  const child = spawn('chromium', [...FLAGS, `--user-data-dir=${home}`, 'about:blank'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const portFile = path.join(home, 'DevToolsActivePort');
  for (let i = 0; !existsSync(portFile) || readFileSync(portFile, 'utf8') === ''; i++) {
    if (i > 600) throw new Error('the browser did not start');
    await sleep(50);
  }
  const [port] = readFileSync(portFile, 'utf8').split('\n');
  const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(pages.find(({ type }) => type === 'page')!.webSocketDebuggerUrl);
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));

  const complaints: string[] = [];
  const waiting = new Map<number, (result: { result?: unknown; error?: { message: string } }) => void>();
  let loaded = (): void => undefined;
  let count = 0;
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as {
      id?: number;
      method?: string;
      params?: { entry?: { text: string; url?: string } };
    };
    if (message.id !== undefined) waiting.get(message.id)?.(message as never);
    if (message.method === 'Page.loadEventFired') loaded();
    if (message.method === 'Log.entryAdded')
      complaints.push(`${message.params?.entry?.text} ${message.params?.entry?.url}`);
  });
  const send = (method: string, params: object = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++count;
      waiting.set(id, ({ result, error }) =>
        error === undefined ? resolve(result) : reject(new Error(`${method}: ${error.message}`)),
      );
      socket.send(JSON.stringify({ id, method, params }));
    });
  const evaluate = async <T>(expression: string): Promise<T> => {
    const sent = await send('Runtime.evaluate', { expression, returnByValue: true });
    const { result, exceptionDetails } = sent as {
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (exceptionDetails !== undefined)
      throw new Error(`${expression}: ${JSON.stringify(exceptionDetails.exception?.description)}`);
    return result.value;
  };
  const nextPage = async (act: () => Promise<unknown>): Promise<void> => {
    const load = new Promise<void>((resolve) => (loaded = resolve));
    await act();
    await load;
  };
  const find = (selector: string): string => `document.querySelector(${JSON.stringify(selector)})`;
  const press = async (selector: string): Promise<void> => {
    const { x, y } = await evaluate<{ x: number; y: number }>(
      `(() => { const e = ${find(selector)}; e.scrollIntoView({ block: 'center' }); const b = e.getClientRects()[0]; return { x: b.x + b.width / 2, y: b.y + b.height / 2 }; })()`,
    );
    for (const type of ['mousePressed', 'mouseReleased'])
      await send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
  };
  for (const domain of ['Page', 'Log', 'Runtime']) await send(`${domain}.enable`);
  await send('Emulation.setScriptExecutionDisabled', { value: !scripts });

  return {
    complaints,
    async look(width, scheme) {
      await send('Emulation.setDeviceMetricsOverride', {
        width,
        height: 800,
        deviceScaleFactor: 1,
        mobile: width < 500,
      });
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    },
    go: (url) => nextPage(() => send('Page.navigate', { url })),
    text: (selector) => evaluate(`${find(selector)}.innerText.trim()`),
    click: (selector) => nextPage(() => press(selector)),
    async type(selector, text) {
      await press(selector);
      await send('Input.insertText', { text });
    },
    submit: (selector) => nextPage(() => press(`${selector} button`)),
    async see(selector, fitting) {
      const text = (): Promise<string> => evaluate(`${find(selector)}?.innerText.trim() ?? ''`);
      for (let i = 0; !fitting.test(await text()); i++) {
        if (i > 400) throw new Error(`${selector}: expected ${String(fitting)}, found ${await text()}`);
        await sleep(50);
      }
    },
    async picture() {
      const { data } = (await send('Page.captureScreenshot', { captureBeyondViewport: true })) as { data: string };
      return Buffer.from(data, 'base64');
    },
    isTooWide: () => evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth'),
    async close() {
      void send('Browser.close').catch(() => undefined); // it may be gone before it can answer
      const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(patience);
      socket.close();
      // its helpers may write a last file after it has ended
      rmSync(home, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
    },
  };
}
