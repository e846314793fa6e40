import { chooseSettings } from './choose-settings.ts';
import type { PassedOver } from './choose-settings.ts';
import { commonFlags } from './common-flags.ts';
import { settingsFromEnv, settingsFromFile } from './config.ts';
import type { Setting } from './config.ts';
import { camelCase, parseFlag } from './flags.ts';
import type { Flag, Flags } from './flags.ts';
import { normalizeArgv } from './normalize-argv.ts';
import { readPlainArgv } from './plain-argv.ts';
import type { Chosen, Command, Tool } from './tool.ts';
import { unknownSettings } from './unknown-settings.ts';
import type { UnknownSetting } from './unknown-settings.ts';

/** A command with all it was told. */
export interface CommandLine {
  readonly command: Command;
  /** The value of each flag by its camelCase name. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The flags that were set, by name, and where. */
  readonly settings: ReadonlyMap<string, Setting>;
  readonly positionals: readonly string[];
  readonly passedOver: readonly PassedOver[];
  /** Variables of the environment that look like settings and are none. */
  readonly unknown: readonly UnknownSetting[];
}

/**
 * Read a command line with the environment and the config file behind it: the text to answer at once, or the command with the value of each flag.
 *
 * @throws {MirrorError} ERR_USAGE or ERR_CONFIG for anything that is not understood, before any work
 */
export async function readCommandLine(
  tool: Tool,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandLine | { readonly text: string }> {
  const parsed = await parse(tool, argv);
  if ('text' in parsed) return parsed;
  const { command, given, positionals } = parsed;
  return { command, positionals, ...(await resolveValues(command, given, tool, env)) };
}

async function resolveValues(
  { eitherOr, flags: own }: Command,
  given: ReadonlyMap<string, Setting>,
  tool: Tool,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Pick<CommandLine, 'values' | 'settings' | 'passedOver' | 'unknown'>> {
  const flags: Flags = { ...own, ...commonFlags };
  const fromEnv = settingsFromEnv(flags, env);
  const file = (given.get('config') ?? fromEnv.get('config'))?.parts.at(-1);
  const known = new Set([...tool.commands.flatMap((each) => Object.keys(each.flags)), ...Object.keys(commonFlags)]);
  const fromFile = file === undefined ? new Map<string, Setting>() : await settingsFromFile(file, flags, known);
  const { settings, passedOver } = chooseSettings(flags, eitherOr, [given, fromEnv, fromFile]);
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(flags)) values[camelCase(name)] = valueOf(name, spec, settings.get(name));
  return { values, settings, passedOver, unknown: unknownSettings(env, known) };
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
