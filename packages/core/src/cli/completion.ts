import { MirrorError } from '../errors.ts';
import { commonFlags } from './common-flags.ts';
import type { Tool } from './run-cli.ts';

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
  local cur="\${COMP_WORDS[COMP_CWORD]}" command="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${tool.commands.map((each) => each.name).join('|')}) command="$word"; break ;; esac
  done
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
    ...flagsOf(tool, each.name).map(
      ([name, describe]) =>
        `complete -c ${tool.name} -n "${condition(tool, each.name, names)}" -l ${name} -d '${quoted(describe)}'`,
    ),
  ]);
  return `# fish completion for ${tool.name}: put it into ~/.config/fish/completions\n${lines.join('\n')}\n`;
}

function condition(tool: Tool, name: string, names: string): string {
  const seen = `__fish_seen_subcommand_from ${name}`;
  return name === defaultName(tool) ? `${seen}; or not __fish_seen_subcommand_from ${names}` : seen;
}

function flagWords(tool: Tool, name: string): string {
  return flagsOf(tool, name)
    .map(([each]) => `--${each}`)
    .join(' ');
}

function zshFlags(tool: Tool, name: string): string {
  return flagsOf(tool, name)
    .map(([each, describe]) => `'--${each}[${quoted(describe)}]'`)
    .join(' ');
}

function flagsOf(tool: Tool, name: string): [string, string][] {
  const found = tool.commands.find((each) => each.name === name);
  const flags = { ...found?.flags, ...commonFlags };
  return [
    ...Object.entries(flags).map(([each, { describe }]): [string, string] => [each, describe]),
    ['help', 'show help'],
  ];
}

function defaultName(tool: Tool): string {
  return tool.commands.find((each) => each.isDefault)?.name ?? '';
}

/** Text that is safe inside single quotes and the brackets of zsh's option specs. */
function quoted(text: string): string {
  return text.replace(/['[\]:\\]/g, ' ');
}
