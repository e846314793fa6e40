import { MirrorError } from '../errors.ts';
import { commonFlags } from './common-flags.ts';
import type { Flags } from './flags.ts';
import type { Tool } from './tool.ts';

/**
 * The completion script of `tool` for a shell: static, made from the same tables as `--help`.
 *
 * @throws {MirrorError} ERR_USAGE for another shell than bash, zsh or fish
 */
export function completionScript(tool: Tool, shell = 'bash'): string {
  const script = SCRIPTS[shell];
  if (script !== undefined) return script(tool);
  throw new MirrorError('ERR_USAGE', `no completion for ${JSON.stringify(shell)}`, { hint: 'use bash, zsh or fish' });
}

const SCRIPTS: Readonly<Record<string, (tool: Tool) => string>> = { bash, zsh, fish };

function bash(tool: Tool): string {
  const id = tool.name.replaceAll('-', '_');
  const cases = tool.commands.map((each) => `    ${each.name}) words="${flagWords(tool, each.name)}" ;;`);
  return `# bash completion for ${tool.name}: source it, or put it into bash_completion.d
_${id}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${tool.commands.map((each) => each.name).join('|')}) command="$word"; break ;; esac
  done
  case "$previous" in
${choiceCases(tool).join('\n')}
    ${valueFlags(tool).join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case "$command" in
${cases.join('\n')}
    *) words="${tool.commands.map((each) => each.name).join(' ')} ${flagWords(tool, defaultName(tool))}" ;;
  esac
  if [[ "$cur" == -* || -z "$command" ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); fi
  [[ \${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _${id} ${tool.name}
`;
}

function zsh(tool: Tool): string {
  const id = tool.name.replaceAll('-', '_');
  const commands = tool.commands.map((each) => `    '${each.name}:${quoted(each.summary)}'`);
  const cases = tool.commands.map(
    (each) => `    ${each.name}) _arguments ${zshFlags(tool, each.name)} '*:file:_files' ;;`,
  );
  return `#compdef ${tool.name}
# zsh completion for ${tool.name}: put it into a folder of $fpath as _${tool.name}
_${id}() {
  local -a commands
  commands=(
${commands.join('\n')}
  )
  case "$words[2]" in
${cases.join('\n')}
    -*) _arguments ${zshFlags(tool, defaultName(tool))} '*:file:_files' ;;
    *) _describe command commands ;;
  esac
}
compdef _${id} ${tool.name}
`;
}

function fish(tool: Tool): string {
  const names = tool.commands.map((each) => each.name).join(' ');
  const lines = tool.commands.flatMap((each) => [
    `complete -c ${tool.name} -n "not __fish_seen_subcommand_from ${names}" -a ${each.name} -d '${quoted(each.summary)}'`,
    ...flagsOf(tool, each.name).map(({ word, describe, values }) => {
      const takes = values === 'none' ? '' : values === 'any' ? ' -r' : ` -x -a '${values.join(' ')}'`;
      return `complete -c ${tool.name} -n "${condition(tool, each.name, names)}" -l ${word}${takes} -d '${quoted(describe)}'`;
    }),
  ]);
  return `# fish completion for ${tool.name}: put it into ~/.config/fish/completions\n${lines.join('\n')}\n`;
}

function condition(tool: Tool, name: string, names: string): string {
  const seen = `__fish_seen_subcommand_from ${name}`;
  return name === defaultName(tool) ? `${seen}; or not __fish_seen_subcommand_from ${names}` : seen;
}

function flagWords(tool: Tool, name: string): string {
  return flagsOf(tool, name)
    .map(({ word }) => `--${word}`)
    .join(' ');
}

/** For bash: what may follow a flag that takes one of a few words. */
function choiceCases(tool: Tool): readonly string[] {
  const cases = allFlags(tool).flatMap(({ word, values }) =>
    typeof values === 'string'
      ? []
      : [`    --${word}) COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$cur")); return ;;`],
  );
  return [...new Set(cases)];
}

/** For bash: the flags that take any other value, which may be a file. */
function valueFlags(tool: Tool): readonly string[] {
  return [...new Set(allFlags(tool).flatMap(({ word, values }) => (values === 'any' ? [`--${word}`] : [])))];
}

function zshFlags(tool: Tool, name: string): string {
  return flagsOf(tool, name)
    .map(({ word, describe, values }) => {
      const takes = values === 'none' ? '' : values === 'any' ? ':value:_files' : `:value:(${values.join(' ')})`;
      return `'--${word}[${quoted(describe)}]${takes}'`;
    })
    .join(' ');
}

/** A flag as it is typed, without its dashes. */
interface Word {
  readonly word: string;
  readonly describe: string;
  /** What follows it: nothing, any text, or one of these words. */
  readonly values: 'none' | 'any' | readonly string[];
}

function flagsOf(tool: Tool, name: string): readonly Word[] {
  const found = tool.commands.find((each) => each.name === name);
  const flags: Flags = { ...found?.flags, ...commonFlags };
  return [
    ...Object.entries(flags).map(([each, { describe, kind, choices, default: preset }]): Word => {
      if (kind !== 'boolean') return { word: each, describe, values: choices ?? 'any' };
      return preset === true
        ? { word: `no-${each}`, describe: `not: ${describe}`, values: 'none' }
        : { word: each, describe, values: 'none' };
    }),
    { word: 'help', describe: 'show help', values: 'none' },
  ];
}

function allFlags(tool: Tool): readonly Word[] {
  return tool.commands.flatMap((each) => flagsOf(tool, each.name));
}

function defaultName(tool: Tool): string {
  return tool.commands.find((each) => each.isDefault)?.name ?? '';
}

/** Text that is safe inside single quotes and the brackets of zsh's option specs. */
function quoted(text: string): string {
  return text.replace(/['[\]:\\]/g, ' ');
}
