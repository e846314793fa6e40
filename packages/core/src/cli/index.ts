export { command, runCli } from './run-cli.ts';
export type { Command, CommandContext, Outcome, Positional, Tool } from './run-cli.ts';
export { flag } from './flags.ts';
export type { Flag, FlagValues, Flags } from './flags.ts';
export { processIo, writeOut } from './io.ts';
export type { CliIo } from './io.ts';
export { formatBytes, formatDuration, parseDuration, parseSize } from './quantities.ts';
export type { Progress, ProgressSource, ProgressState } from './progress.ts';
export { MirrorError } from '../errors.ts';
