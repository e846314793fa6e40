import { EXIT_CODES, MirrorError, exitStatusOf, messageOf, systemCodeOf } from '../errors.ts';
import { redactUrls } from '../net/redact.ts';
import type { commonFlags } from './common-flags.ts';
import type { FlagValues } from './flags.ts';
import { writeOut } from './io.ts';
import type { CliIo } from './io.ts';
import { createLog } from './log.ts';
import type { ClosableLog } from './log.ts';
import { passOn } from './pass-on.ts';
import { jsonLine } from '../text/json-line.ts';
import { terminalText } from '../text/terminal-text.ts';
import { startProgress } from './progress.ts';
import type { Progress } from './progress.ts';
import { readCommandLine } from './read-command-line.ts';
import type { CommandLine } from './read-command-line.ts';
import type { CommandContext, Tool } from './tool.ts';

/**
 * Run the command line `argv` of `tool` in the world `io`; resolves to the exit status and never throws.
 * A flag counts before `MIRROR_<FLAG>` in the environment, that before `--config FILE`, that before the default;
 * so it does before a flag that it excludes.
 */
export async function runCli(tool: Tool, argv: readonly string[], io: CliIo): Promise<number> {
  const status = await statusOf(() => answer(tool, argv, io), io);
  await io.settled?.();
  const late = lateFailure(io.signal);
  return status === 0 && late !== undefined ? reportError(late, io) : status;
}

async function statusOf(work: () => Promise<number>, io: CliIo): Promise<number> {
  try {
    return await work();
  } catch (error) {
    return reportError(error, io);
  }
}

async function answer(tool: Tool, argv: readonly string[], io: CliIo): Promise<number> {
  if (argv[0] === 'completion') {
    const { completionScript } = await import('./completion.ts');
    await writeOut(io.stdout, completionScript(tool, argv[1]));
    return 0;
  }
  if (argv[0] === 'man' && argv.length === 1) {
    const { manPage } = await import('./man.ts');
    await writeOut(io.stdout, manPage(tool));
    return 0;
  }
  const asked = await readCommandLine(tool, argv, io.env);
  if (!('text' in asked)) return run(asked, io);
  await writeOut(io.stdout, asked.text);
  return 0;
}

/** What makes a result worthless however the command ended: nobody can read it, or another run may have written over it. */
function lateFailure({ aborted, reason }: AbortSignal): MirrorError | undefined {
  const isLate = aborted && reason instanceof MirrorError && (reason.code === 'ERR_IO' || reason.code === 'ERR_LOCKED');
  return isLate ? reason : undefined;
}

async function run(line: CommandLine, io: CliIo): Promise<number> {
  const { command, values, positionals, passedOver, unknown } = line;
  const common = values as unknown as FlagValues<typeof commonFlags>;
  const log = createLog({
    level: common.logLevel,
    format: common.logFormat,
    stream: io.stderr,
    file: common.logFile,
  });
  let progress: Progress | undefined;
  const context: CommandContext = {
    log,
    signal: io.signal,
    isVerbose: common.logLevel === 'debug',
    io,
    positionals,
    passOn: (names) => passOn(line.settings, names),
    progress: (source) => (progress = startProgress(source, { ...common, log, stderr: io.stderr })),
    print: (line) => writeOut(io.stdout, jsonLine(line)),
  };
  try {
    for (const each of passedOver) log.info('a setting gives way to another', each);
    for (const each of unknown) log.warn('unknown setting in the environment', each);
    const outcome = await command.run(values, context);
    progress?.stop();
    if (outcome?.summary !== undefined) {
      if (outcome.stdoutTaken === true) log.info('summary', outcome.summary);
      else await context.print(outcome.summary);
    }
    if (outcome?.failure === undefined) return await closedWell(log);
    const status = EXIT_CODES[outcome.failure.code];
    if (outcome.failure.code !== 'ERR_PIPE') log.error(outcome.failure.message, { exit_status: status });
    return status;
  } finally {
    progress?.stop();
    await log.close();
  }
}

/** The status of a run without a failure; a log file that could not be written is one. */
async function closedWell(log: ClosableLog): Promise<number> {
  await log.close();
  const fault = log.fault();
  if (fault !== undefined) throw fault;
  return 0;
}

/** Tell the user once what went wrong; the result is the exit status. */
function reportError(error: unknown, io: CliIo): number {
  const status = exitStatusOf(error);
  if (error instanceof MirrorError && error.code === 'ERR_PIPE') return status;
  const expected = error instanceof MirrorError || systemCodeOf(error) !== undefined;
  const lines = [`error: ${indented(messageOf(error))}`];
  if (error instanceof MirrorError && error.hint !== undefined) lines.push(`hint: ${indented(error.hint)}`);
  if (!expected || status === EXIT_CODES.ERR_INTERNAL)
    lines.push((error as Error | undefined)?.stack ?? '', 'this is a bug, please report it');
  io.stderr.write(terminalText(redactUrls(`${lines.join('\n')}\n`)));
  return status;
}

/** A line feed may come from a name; what follows it must not look like a line of ours. */
function indented(text: string): string {
  return text.replaceAll('\n', '\n  ');
}
