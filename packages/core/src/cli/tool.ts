import type { ErrorCode } from '../errors.ts';
import type { Setting } from './config.ts';
import type { FlagValues, Flags } from './flags.ts';
import type { CliIo } from './io.ts';
import type { ClosableLog } from './log.ts';
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
  /** The flags of these names as they were set, as arguments for another tool of ours. */
  passOn(names: readonly string[]): string[];
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

/** What a command line asks for, as text. */
export interface Chosen {
  readonly command: Command;
  /** The flags that were given, by name. */
  readonly given: ReadonlyMap<string, Setting>;
  readonly positionals: readonly string[];
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
