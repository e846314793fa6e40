import { commonFlags } from './common-flags.ts';
import type { Flag, Flags } from './flags.ts';
import { EXIT_STATUS, flagHead, flagText, usageOf } from './help.ts';
import type { Command, Tool } from './tool.ts';

/**
 * The manual page of `tool` in the macros of man(7), made from the same tables as `--help`: all commands, each with its flags, and what they have
 * in common once. It has neither a date nor a version, so that it changes when the flags do.
 */
export function manPage(tool: Tool): string {
  const [main] = tool.commands.filter((each) => each.isDefault);
  const others = tool.commands.filter((each) => !each.isDefault);
  const lines = [
    `.TH ${escaped(tool.name).toUpperCase()} 1 "" "" "Mirror of crates.io"`,
    '.SH NAME',
    `${escaped(tool.name)} \\- ${escaped(lowerFirst(firstSentence(tool.description)))}`,
    '.SH SYNOPSIS',
    ...tool.commands.flatMap((each) => ['.br', synopsis(tool, each)]).slice(1),
    '.SH DESCRIPTION',
    escaped(tool.description),
    ...(tool.commands.length > 1
      ? ['.SH COMMANDS', ...tool.commands.flatMap((each) => entry(commandName(each), each.summary))]
      : []),
    ...(main === undefined ? [] : ['.SH OPTIONS', ...options(main)]),
    ...others.flatMap((each) => [
      `.SH "${escaped(`${tool.name} ${each.name}`).toUpperCase()}"`,
      escaped(each.summary),
      ...options(each),
    ]),
    '.SH OPTIONS OF EVERY COMMAND',
    ...Object.entries(commonFlags as Flags).flatMap(([name, spec]) => option(name, spec)),
    ...entry('\\fB\\-\\-help\\fR', 'show what a command takes'),
    ...entry('\\fB\\-\\-version\\fR', 'show the version'),
    '.SH ENVIRONMENT',
    ...entry(
      '\\fBMIRROR_\\fIFLAG\\fR',
      'the value of any flag: \\fBMIRROR_LOG_LEVEL\\fR for \\fB\\-\\-log\\-level\\fR. The command line counts before the environment, that before the file of \\fB\\-\\-config\\fR.',
      false,
    ),
    '.SH EXIT STATUS',
    ...EXIT_STATUS.replace(/^Exit status: |\.$/g, '')
      .split(', ')
      .flatMap((each) => exitEntry(each)),
    '.SH EXAMPLES',
    `${escaped(tool.name)} completion bash|zsh|fish prints a completion script, and ${escaped(tool.name)} man this page.`,
    '.SH SEE ALSO',
    TOOLS.filter((name) => name !== tool.name)
      .map((name) => `\\fB${escaped(name)}\\fR(1)`)
      .join(',\n'),
  ];
  return `${lines.join('\n')}\n`;
}

function synopsis(tool: Tool, each: Command): string {
  const words = usageOf(tool, each).split(' ').slice(tool.name.split(' ').length);
  const shown = each.isDefault ? words.map((word) => (word === each.name ? `[${word}]` : word)) : words;
  return `\\fB${escaped(tool.name)}\\fR ${shown.map(escaped).join(' ')}`;
}

function commandName(each: Command): string {
  return `\\fB${escaped(each.name)}\\fR${each.isDefault ? ' (the default)' : ''}`;
}

function options(each: Command): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const [name, spec] of Object.entries(each.flags)) {
    if (Object.hasOwn(commonFlags, name)) continue;
    const group = (spec.group ?? 'Flags:').replace(/:$/, '');
    groups.set(group, [...(groups.get(group) ?? []), ...option(name, spec)]);
  }
  const named = each.positionals.flatMap(({ name, describe }) => entry(`\\fI${escaped(name)}\\fR`, describe));
  return [...named, ...[...groups].flatMap(([title, lines]) => [`.SS ${escaped(title)}`, ...lines])];
}

function option(name: string, spec: Flag<unknown>): readonly string[] {
  const [flag = '', ...value] = flagHead(name, spec).split(' ');
  const shown = value.length === 0 ? '' : ` \\fI${escaped(value.join(' '))}\\fR`;
  return entry(`\\fB${escaped(flag)}\\fR${shown}`, flagText(spec));
}

function exitEntry(text: string): readonly string[] {
  const [number = '', ...meaning] = text.split(' ');
  return entry(number, meaning.join(' '));
}

function entry(head: string, text: string, isPlain = true): readonly string[] {
  return ['.TP', head, isPlain ? escaped(text) : text];
}

/** Text that roff prints as it is: its escape character, the hyphen that would become a dash, and a dot or quote at the start of a line. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
}

function firstSentence(text: string): string {
  return text.replace(/\.( .*)?$/, '');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

const TOOLS = ['mirror-archive-hasher', 'mirror-downloader', 'mirror-index-sync', 'mirror-server', 'mirror-sidecars'];
