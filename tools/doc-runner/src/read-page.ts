/** A fenced block of a page that something is done with. */
export interface Block {
  /** The line of its opening fence, the first one being 1; for a hidden block the line of its comment. */
  readonly line: number;
  /** What follows the fence: `sh`, `console`, `js`, `yaml` … */
  readonly language: string;
  /** The lines between the fences, each with its line end. */
  readonly text: string;
  readonly order: Order;
}

/** What the comment before a block says about it. */
export interface Order {
  /** Why it is not run: `network`, `root` …; the page has to say that word before the block. */
  readonly notRun?: string;
  /** The exit status that its last command should have; default 0. */
  readonly status?: number;
  /** It goes on running; the next block waits until something listens on this port. */
  readonly backgroundPort?: number;
  /** It is written to this file instead of being run. */
  readonly file?: string;
  /** Programs without which the page cannot be run. */
  readonly needs: readonly string[];
}

/**
 * The blocks of a page, in order. A comment right before a block says what is particular about it, in parts that are
 * separated by `;`:
 *
 *     <!-- run: no, network -->          not run: it would need the network
 *     <!-- run: status 4; needs gpg -->  ends with status 4, and takes gpg
 *     <!-- run: background 8080 -->      a server: goes on running, on this port
 *     <!-- run: file mirror.yaml -->     the content of a file
 *
 * A comment that begins with `run: first` holds commands of its own, which readers do not see and which prepare what the page takes for
 * granted.
 *
 * @throws {Error} a comment that makes no sense, with the line
 */
export function readPage(page: string): readonly Block[] {
  return [...page.replaceAll('\r\n', '\n').matchAll(BLOCK)].flatMap((match) => {
    const { hidden, order = '', fence = '', language = '', text = '' } = match.groups ?? {};
    const line = page.slice(0, match.index).split('\n').length;
    if (hidden !== undefined) return [{ line, language: 'sh', text: `${hidden.trim()}\n`, order: NOTHING_SAID }];
    const skipped = match[0].slice(0, match[0].indexOf(fence));
    const plain = unindented(text, /^ */.exec(match[0].slice(skipped.lastIndexOf('\n') + 1))?.[0] ?? '');
    const at = line + skipped.split('\n').length - 1;
    return [{ line: at, language, text: plain, order: readOrder(order, at) }];
  });
}

/** Whether a page tells its readers, in the paragraph before the block, why it is not run. */
export function saysWhy(page: string, block: Block): boolean {
  const before = page
    .split('\n')
    .slice(0, block.line - 1)
    .join('\n');
  const visible = before.replace(/<!--[\s\S]*?-->/g, '').trimEnd();
  const paragraph = visible.slice(visible.lastIndexOf('\n\n') + 1);
  return paragraph.toLowerCase().includes((block.order.notRun ?? '').toLowerCase());
}

/** The commands with flags of ours that stand inside sentences and tables of a page, as they stand there. */
export function inlineCommands(page: string): readonly string[] {
  const prose = page.replaceAll(/^ *(```+)[\s\S]*?^ *\1$/gm, '');
  return [...prose.matchAll(/`([^`\n]*\bmirror-[a-z-]+ [^`\n]*-[^`\n]*)`/g)].map(([, command = '']) => command);
}

function readOrder(text: string, line: number): Order {
  return text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .reduce((order, part) => ({ ...order, ...readPart(part, line) }), NOTHING_SAID);
}

function readPart(part: string, line: number): Partial<Order> {
  const [, word = '', rest = ''] = /^([a-z]+),?\s*(.*)$/.exec(part) ?? [];
  if (word === 'no' && rest !== '') return { notRun: rest };
  if (word === 'status' && /^\d+$/.test(rest)) return { status: Number(rest) };
  if (word === 'background' && /^\d+$/.test(rest)) return { backgroundPort: Number(rest) };
  if (word === 'file' && rest !== '') return { file: rest };
  if (word === 'needs' && rest !== '') return { needs: rest.split(/[ ,]+/) };
  throw new Error(`line ${String(line)}: cannot read the order ${JSON.stringify(part)}`);
}

function unindented(text: string, indent: string): string {
  return text.replace(new RegExp(`^${indent}`, 'gm'), '');
}

const NOTHING_SAID: Order = { needs: [] };

const BLOCK =
  /^<!-- run: first\n(?<hidden>[\s\S]*?)-->$|^(?: *<!-- run: (?<order>(?!first).*?) -->\n+)? *(?<fence>```+)(?<language>[a-z]+)[^\n]*\n(?<text>[\s\S]*?)^ *\k<fence>$/gm;
