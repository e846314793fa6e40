import type { HelpOf } from '@mirror-tools/check/help-blocks';

/**
 * What is wrong with the flags of our own commands in shell text that is not run: flags that the help of the command does
 * not list. One line each.
 */
export function flagProblems(text: string, helpOf: HelpOf): readonly string[] {
  return simpleCommands(text).flatMap((words) => {
    const at = words.findIndex((word) => /^(.*\/)?mirror-[a-z-]+$/.test(word) && !word.includes('='));
    const bin = words[at]?.split('/').at(-1);
    if (at < 0 || bin === undefined || !TOOLS.includes(bin)) return [];
    const rest = words.slice(at + 1);
    const sub = rest.find((word) => !word.startsWith('-'));
    const commands = [...helpOf(bin).matchAll(new RegExp(`^  ${bin} ([a-z-]+)`, 'gm'))].map(([, name]) => name);
    const help = helpOf(sub !== undefined && rest[0] === sub && commands.includes(sub) ? `${bin} ${sub}` : bin);
    return rest
      .filter((word) => /^--[a-z]/.test(word))
      .map((word) => word.replace(/=.*/, ''))
      .filter((flag) => !isListed(help, flag))
      .map((flag) => `${bin}: no flag ${flag}`);
  });
}

function isListed(help: string, flag: string): boolean {
  const name = flag.replace(/^--(no-)?/, '');
  const heads = [...help.matchAll(/^ {2}--(?:\[no-\])?([a-z0-9-]+)/gm)].map(([, each]) => each);
  return heads.includes(name) || heads.includes(flag.slice(2));
}

/** The commands in shell text, each as its words without quotes. */
function simpleCommands(text: string): readonly (readonly string[])[] {
  return text
    .replaceAll(/\\\n\s*/g, ' ')
    .split(/\n|&&|\|\||[|;&]/)
    .map((line) => (line.replace(/(^|\s)#.*$/, '').match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? []).map(withoutQuotes))
    .filter((words) => words.length > 0);
}

function withoutQuotes(word: string): string {
  return word.replace(/['"]/g, '');
}

const TOOLS = ['mirror-downloader', 'mirror-index-sync', 'mirror-sidecars', 'mirror-archive-hasher', 'mirror-server'];
