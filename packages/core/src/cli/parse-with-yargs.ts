import yargs from 'yargs/yargs';
import type { Argv } from 'yargs';
import { MirrorError } from '../errors.ts';
import { commonFlags } from './common-flags.ts';
import type { Setting } from './config.ts';
import type { Flag } from './flags.ts';
import type { Chosen, Command, Tool } from './tool.ts';

/**
 * Read any command line in the form of `normalizeArgv`.
 *
 * @throws {MirrorError} ERR_USAGE for flags, values and words that the tool does not have
 */
export async function parseWithYargs(tool: Tool, args: readonly string[]): Promise<Chosen> {
  let chosen: Chosen | undefined;
  const values: string[] = [];
  let parser: Argv = yargs(withoutValues(args, values))
    .scriptName(tool.name)
    .locale('en') // like all other text
    .help(false)
    .version(false)
    .strict()
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
    })
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new MirrorError('ERR_USAGE', inOurWords(message, args), { hint: `see ${tool.name} --help` });
    });
  for (const each of tool.commands) parser = declare(parser, each, values, (found) => (chosen = found));
  await parser.parseAsync();
  if (chosen !== undefined) return chosen;
  throw new MirrorError('ERR_USAGE', 'no command given', { hint: `see ${tool.name} --help` });
}

/**
 * yargs sees no value, only its number: it would take quotation marks away and read `=yes` of a boolean as false. All values are read by
 * `parseFlag`, wherever they come from.
 */
function withoutValues(args: readonly string[], values: string[]): string[] {
  const end = args.indexOf('--');
  return args.map((word, i) => {
    const [, name, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || value === undefined || (end >= 0 && i > end)) return word;
    if (value === '') throw new MirrorError('ERR_USAGE', `${name} needs a value`, { hint: `see --help for ${name}` });
    return `${name}=${String(values.push(value) - 1)}`;
  });
}

/** Unknown flags as they were written, other words of yargs in lower case. */
function inOurWords(message: string | null, args: readonly string[]): string {
  if (message === null) return 'wrong usage';
  const [, unknown] = /^Unknown arguments?: (.+)$/.exec(message) ?? [];
  if (unknown === undefined) return message.charAt(0).toLowerCase() + message.slice(1);
  const written = unknown.split(', ').map((word) => args.find((arg) => arg.split('=')[0] === `--${word}`) ?? word);
  return `unknown: ${written.map((word) => word.split('=')[0]).join(', ')}`;
}

function declare(parser: Argv, each: Command, values: readonly string[], choose: (chosen: Chosen) => void): Argv {
  const words = each.positionals.map(({ name, required }) => (required ? ` <${name}>` : ` [${name}]`)).join('');
  const names = each.isDefault ? [`$0${words}`, `${each.name}${words}`] : [`${each.name}${words}`];
  return parser.command(
    names,
    each.summary,
    (sub) => {
      let built = sub;
      for (const { name, describe } of each.positionals) built = built.positional(name, { describe, type: 'string' });
      for (const [name, spec] of Object.entries({ ...each.flags, ...commonFlags }))
        built = built.option(name, yargsOption(spec));
      return built;
    },
    (args) => {
      const found = args as Readonly<Record<string, unknown>>;
      const positionals = each.positionals.map(({ name }) => found[name]).filter((word) => word !== undefined);
      choose({ command: each, given: givenFlags(found, each, values), positionals: positionals.map(String) });
    },
  );
}

/** Everything reaches us as text, so that the command line, the environment and files are read by one parser. */
function yargsOption(spec: Flag<unknown>): object {
  return {
    type: spec.kind === 'list' ? 'array' : 'string',
    requiresArg: true,
    ...(spec.kind === 'list' ? { string: true } : {}),
  };
}

function givenFlags(
  args: Readonly<Record<string, unknown>>,
  each: Command,
  values: readonly string[],
): Map<string, Setting> {
  const given = new Map<string, Setting>();
  for (const name of Object.keys({ ...each.flags, ...commonFlags })) {
    const numbers = args[name];
    if (numbers === undefined) continue;
    const parts = (Array.isArray(numbers) ? numbers : [numbers]).map((number) => values[Number(number)] ?? '');
    given.set(name, { parts, origin: `--${name}` });
  }
  return given;
}
