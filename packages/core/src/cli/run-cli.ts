import { EXIT_CODES, MirrorError, exitStatusOf, messageOf, systemCodeOf } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { redactUrls } from '../net/redact.ts';
import { commonFlags } from './common-flags.ts';
import { settingsFromEnv, settingsFromFile } from './config.ts';
import type { Setting } from './config.ts';
import { chooseSettings } from './choose-settings.ts';
import type { PassedOver } from './choose-settings.ts';
import { camelCase, parseFlag } from './flags.ts';
import type { Flag, FlagValues, Flags } from './flags.ts';
import { writeOut } from './io.ts';
import type { CliIo } from './io.ts';
import { createLog } from './log.ts';
import type { ClosableLog } from './log.ts';
import { normalizeArgv } from './normalize-argv.ts';
import { readPlainArgv } from './plain-argv.ts';
import { startProgress } from './progress.ts';
import type { Progress, ProgressSource } from './progress.ts';

/** A tool: its name, its version and its commands. */
export interface Tool {
  /** The name people type: `mirror-downloader`. */
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** One of them has `isDefault`: it runs when no command is named. */
  readonly commands: readonly Command[];
}

/** A command as data; build it with `command` to have its values typed. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly isDefault: boolean;
  readonly positionals: readonly Positional[];
  readonly flags: Flags;
  /** Pairs of flags that exclude each other: when both are set, the one that was set nearer to this run counts. */
  readonly eitherOr: readonly (readonly [string, string])[];
  readonly run: (values: Readonly<Record<string, unknown>>, context: CommandContext) => Promise<Outcome | undefined>;
}

/** An argument without a flag. */
export interface Positional {
  readonly name: string;
  readonly describe: string;
  readonly required: boolean;
}

/** What a command gets besides its values. */
export interface CommandContext {
  readonly log: ClosableLog;
  /** Aborted when the user or the system wants the command to stop; the reason is a `MirrorError`. */
  readonly signal: AbortSignal;
  readonly io: CliIo;
  /** Whether the log takes lines at level debug, which cost something to make. */
  readonly isVerbose: boolean;
  /** The arguments without a flag, after the command's name. */
  readonly positionals: readonly string[];
  /** Show the progress of a job until `stop` is called. */
  progress(source: ProgressSource): Progress;
  /** Write one JSON line to stdout, waiting while it is full. */
  print(line: object): Promise<void>;
}

/** How a command ended, when it did not throw. */
export interface Outcome {
  /** Printed as the last line on stdout; when stdout carries something else, logged instead. */
  readonly summary?: object;
  /** True when stdout carries data that the summary must not be mixed with. */
  readonly stdoutTaken?: boolean;
  /** Why the exit status is not 0. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string };
}

/** Make a command whose `run` gets typed values. */
export function command<const F extends Flags>(spec: {
  readonly name: string;
  readonly summary: string;
  readonly isDefault?: boolean;
  readonly positionals?: readonly Positional[];
  readonly flags: F;
  readonly eitherOr?: readonly (readonly [keyof F & string, keyof F & string])[];
  readonly run: (values: FlagValues<F>, context: CommandContext) => Promise<Outcome | undefined>;
}): Command {
  return { isDefault: false, positionals: [], eitherOr: [], ...spec, run: spec.run as unknown as Command['run'] };
}

/**
 * Run the command line `argv` of `tool` in the world `io`; resolves to the exit status and never throws.
 * A flag counts before `MIRROR_<FLAG>` in the environment, that before `--config FILE`, that before the default;
 * so it does before a flag that it excludes.
 */
export async function runCli(tool: Tool, argv: readonly string[], io: CliIo): Promise<number> {
  try {
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
    const parsed = await parse(tool, argv);
    if ('text' in parsed) {
      await writeOut(io.stdout, parsed.text);
      return 0;
    }
    return await run(parsed.command, parsed.given, parsed.positionals, tool, io);
  } catch (error) {
    return reportError(error, io);
  }
}

/** What a command line asks for. */
export interface Chosen {
  readonly command: Command;
  /** The flags that were given, by name. */
  readonly given: ReadonlyMap<string, Setting>;
  readonly positionals: readonly string[];
}

async function run(
  chosen: Command,
  given: ReadonlyMap<string, Setting>,
  positionals: readonly string[],
  tool: Tool,
  io: CliIo,
): Promise<number> {
  const flags: Flags = { ...chosen.flags, ...commonFlags };
  const { values, passedOver } = await resolveValues(chosen, flags, given, tool, io);
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
    progress: (source) => (progress = startProgress(source, { ...common, log, stderr: io.stderr })),
    print: (line) => writeOut(io.stdout, `${JSON.stringify(line)}\n`),
  };
  try {
    for (const each of passedOver) log.info('a setting gives way to another', each);
    const outcome = await chosen.run(values, context);
    progress?.stop();
    if (outcome?.summary !== undefined) {
      if (outcome.stdoutTaken === true) log.info('summary', outcome.summary);
      else await context.print(outcome.summary);
    }
    if (outcome?.failure === undefined) return 0;
    const status = EXIT_CODES[outcome.failure.code];
    if (outcome.failure.code !== 'ERR_PIPE') log.error(outcome.failure.message, { exit_status: status });
    return status;
  } finally {
    progress?.stop();
    await log.close();
  }
}

async function resolveValues(
  { eitherOr }: Command,
  flags: Flags,
  given: ReadonlyMap<string, Setting>,
  tool: Tool,
  io: CliIo,
): Promise<{ readonly values: Readonly<Record<string, unknown>>; readonly passedOver: readonly PassedOver[] }> {
  const env = settingsFromEnv(flags, io.env);
  const file = (given.get('config') ?? env.get('config'))?.parts.at(-1);
  const known = new Set([...tool.commands.flatMap((each) => Object.keys(each.flags)), ...Object.keys(commonFlags)]);
  const fromFile = file === undefined ? new Map<string, Setting>() : await settingsFromFile(file, flags, known);
  const { settings, passedOver } = chooseSettings(flags, eitherOr, [given, env, fromFile]);
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(flags)) values[camelCase(name)] = valueOf(name, spec, settings.get(name));
  return { values, passedOver };
}

function valueOf(name: string, spec: Flag<unknown>, setting: Setting | undefined): unknown {
  if (setting !== undefined) return parseFlag(name, spec, setting.parts, setting.origin);
  if (spec.kind === 'list') return [];
  if (spec.default === undefined) return undefined;
  return typeof spec.default === 'boolean'
    ? spec.default
    : parseFlag(name, spec, [spec.default], `default of --${name}`);
}

async function parse(tool: Tool, argv: readonly string[]): Promise<Chosen | { readonly text: string }> {
  const args = normalizeArgv(
    argv,
    tool.commands.map((each) => ({ ...each.flags, ...commonFlags })),
  );
  const plain = (await answerAtOnce(tool, args)) ?? readPlainArgv(tool, args);
  if (plain !== undefined) return plain;
  const { parseWithYargs } = await import('./parse-with-yargs.ts');
  return parseWithYargs(tool, args);
}

/** `--help` and `--version`, which shall not wait for a parser to be loaded. */
async function answerAtOnce(tool: Tool, args: readonly string[]): Promise<{ readonly text: string } | undefined> {
  const end = args.indexOf('--');
  const flags = end < 0 ? args : args.slice(0, end);
  if (flags.includes('--version')) return { text: `${tool.version}\n` };
  if (!flags.includes('--help')) return undefined;
  const word = flags.find((each) => !each.startsWith('-'));
  const named = tool.commands.find((each) => each.name === word);
  const { helpText } = await import('./help.ts');
  return { text: helpText(tool, named) };
}

/** Tell the user once what went wrong; the result is the exit status. */
function reportError(error: unknown, io: CliIo): number {
  const status = exitStatusOf(error);
  if (error instanceof MirrorError && error.code === 'ERR_PIPE') return status;
  const expected = error instanceof MirrorError || systemCodeOf(error) !== undefined;
  const lines = [`error: ${messageOf(error)}`];
  if (error instanceof MirrorError && error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  if (!expected || status === EXIT_CODES.ERR_INTERNAL)
    lines.push((error as Error | undefined)?.stack ?? '', 'this is a bug, please report it');
  io.stderr.write(redactUrls(`${lines.join('\n')}\n`));
  return status;
}
