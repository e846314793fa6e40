import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consoleSteps, isAsShown } from './expected-output.ts';
import type { Block } from './read-page.ts';
import type { Stage } from './stage.ts';

/** What became of a page. */
export interface PageResult {
  /** How many commands and programs were run; a block counts as one, in a console session each command. */
  readonly ran: number;
  /** What is wrong, each with the line of its block; empty when all went as the page says. */
  readonly problems: readonly string[];
  /** Each command with what it printed, as a terminal would show it. */
  readonly transcript: string;
}

/**
 * Run the blocks of a page in order, in one shell and one empty folder: what a block leaves (files, variables, the working directory,
 * servers) the next ones find. The first command that fails ends it. Blocks of `sh`, `bash` and `console` are commands, those of `js` are
 * programs, any other is written to the file that its order names, or passed over.
 *
 * @param limitMs - how long all of it may take
 */
export async function runPage(blocks: readonly Block[], stage: Stage, limitMs = 180_000): Promise<PageResult> {
  const dir = stage.createFolder();
  const notes = path.join(dir, 'home', '.notes');
  mkdirSync(notes);
  const steps = blocks
    .filter((block) => block.order.notRun === undefined)
    .flatMap((block) => stepsOf(block, dir, stage));
  const script = path.join(notes, 'page.sh');
  writeFileSync(script, `${PROLOGUE}\n${steps.map((step, n) => shellOf(step, n, notes, stage)).join('\n')}\n`);
  // a process group of its own, so that whatever a page started can be ended
  const shell = spawn('bash', [script], { cwd: dir, env: stage.environmentOf(dir), stdio: 'ignore', detached: true });
  const timer = setTimeout(() => endGroup(shell.pid), limitMs);
  const [status] = (await once(shell, 'exit')) as [number | null];
  clearTimeout(timer);
  endGroup(shell.pid);
  return {
    ran: steps.filter((step) => step.counts).length,
    problems: problemsOf(steps, notes, status),
    transcript: steps
      .map(({ shell }, n) => `$ ${shell}${noteOf(notes, n, 'err')}${noteOf(notes, n, 'out')}`)
      .join('\n'),
  };
}

interface Step {
  readonly line: number;
  readonly shell: string;
  readonly order: Block['order'];
  /** What the page shows of its output. */
  readonly shown?: string;
  /** False for what only prepares. */
  readonly counts: boolean;
}

function stepsOf(block: Block, dir: string, stage: Stage): readonly Step[] {
  const { line, order } = block;
  const text = stage.translated(block.text, dir);
  if (order.file !== undefined)
    return [{ line, order, shell: writing(stage.translated(order.file, dir), text), counts: false }];
  if (block.language === 'sh' || block.language === 'bash') return [{ line, order, shell: text, counts: true }];
  if (block.language === 'js')
    return [
      {
        line,
        order,
        shell: `${writing(`example-${String(line)}.mjs`, text)}node example-${String(line)}.mjs\n`,
        counts: true,
      },
    ];
  if (block.language !== 'console') return [];
  return consoleSteps(text).map(({ command, shown }) => ({ line, order, shell: `${command}\n`, shown, counts: true }));
}

function writing(file: string, text: string): string {
  return `mkdir -p "$(dirname ${file})"\ncat >${file} <<'END_OF_FILE'\n${text}END_OF_FILE\n`;
}

function shellOf({ line, shell, order }: Step, n: number, notes: string, stage: Stage): string {
  const file = path.join(notes, String(n));
  const output = `>'${file}.out' 2>'${file}.err' </dev/null`;
  const head = `echo ${String(line)} >'${file}.begun'`;
  if (order.backgroundPort !== undefined) {
    const port = stage.translated(String(order.backgroundPort), '');
    return `${head}\n{\n${shell}} ${output} &\nwait_for ${port}\n`;
  }
  if (order.status === undefined) return `${head}\n{\n${shell}} ${output}\n`;
  const failing = `set +e\n(\nset -e\n${shell}) ${output}\nstatus=$?\nset -e`;
  return `${head}\n${failing}\n[ "$status" = ${String(order.status)} ] || { echo "status $status, not ${String(order.status)}" >>'${file}.err'; exit 1; }\n`;
}

const PROLOGUE = `set -euo pipefail
wait_for() {
  for _ in $(seq 150); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  echo "nothing listens on port $1" >&2
  return 1
}`;

function problemsOf(steps: readonly Step[], notes: string, status: number | null): readonly string[] {
  const note = (n: number, kind: string): string => noteOf(notes, n, kind);
  const begun = steps.filter((_, n) => note(n, 'begun') !== '').length;
  const ended = status === 0 ? [] : [failure(steps[begun - 1], note(begun - 1, 'out'), note(begun - 1, 'err'), status)];
  const unlike = steps.slice(0, begun).flatMap(({ line, shell, shown }, n) => {
    if (shown === undefined || shown === '' || isAsShown(shown, note(n, 'out'))) return [];
    return [`line ${String(line)}: ${shell.trim()}\n  printed\n${note(n, 'out')}  but the page shows\n${shown}`];
  });
  return [...ended, ...unlike];
}

function noteOf(notes: string, n: number, kind: string): string {
  const file = path.join(notes, `${String(n)}.${kind}`);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function failure(step: Step | undefined, out: string, err: string, status: number | null): string {
  const how = status === null ? 'did not end in time' : `ended with ${String(status)}`;
  return `line ${String(step?.line ?? 0)} ${how}:\n${step?.shell ?? ''}  stdout\n${out}  stderr\n${err.slice(-4_000)}`;
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // nobody is left in it
  }
}
