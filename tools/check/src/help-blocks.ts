import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { publishedPackages, workspaceRoot } from './workspace.ts';
import type { WorkspacePackage } from './workspace.ts';

/** A place in a README that shows what a command prints for `--help`. */
export interface HelpBlock {
  /** The command as people type it, without `--help`: `mirror-downloader plan`. */
  readonly command: string;
  /** What stands there now, without the fences. */
  readonly text: string;
}

/** What a command prints for `--help`; `command` as in `HelpBlock`. */
export type HelpOf = (command: string) => string;

/**
 * The help blocks of a README, in order. Each is a comment with the command, then a fenced text:
 *
 *     <!-- help: mirror-downloader plan -->
 *
 *     ```text
 *     mirror-downloader plan
 *     ```
 */
export function helpBlocks(readme: string): readonly HelpBlock[] {
  return [...readme.matchAll(BLOCK)].map(([, head = '', text = '']) => ({ command: commandOf(head), text }));
}

/** The README with what each command prints now in its blocks. */
export function withHelp(readme: string, helpOf: HelpOf): string {
  return readme.replace(
    BLOCK,
    (_all, head: string, _text: string, end: string) => `${head}${helpOf(commandOf(head))}\n${end}`,
  );
}

/**
 * Where a README and the commands of its package disagree: a block that is not what `--help` prints, a marker without a
 * block, a command without one. Empty when a reader of the README sees what the command says.
 *
 * @param bin - the name of the package's command
 */
export function helpProblems(readme: string, bin: string, helpOf: HelpOf): readonly string[] {
  const blocks = helpBlocks(readme);
  const shown = blocks.map((each) => each.command);
  const bare = [...readme.matchAll(MARKER)]
    .map(([head]) => commandOf(head))
    .filter((command) => !shown.includes(command));
  const wanted = [bin, ...commandsIn(helpOf(bin), bin)];
  return [
    ...bare.map((command) => `no \`\`\`text block follows the marker of ${command}`),
    ...wanted
      .filter((command) => !shown.includes(command) && !bare.includes(command))
      .map((command) => `no block for ${command}`),
    ...blocks
      .filter(({ command, text }) => text !== `${helpOf(command)}\n`)
      .map(({ command }) => `the block of ${command} is not what --help prints (pnpm docs:help writes it)`),
  ];
}

/** The READMEs of the packages that have a command, with the absolute path and the command's name. */
export function commandReadmes(): readonly { readonly file: string; readonly bin: string; readonly readme: string }[] {
  return publishedPackages().flatMap((each) =>
    Object.keys(each.manifest.bin ?? {}).map((bin) => {
      const file = path.join(workspaceRoot, each.path, 'README.md');
      return { file, bin, readme: existsSync(file) ? readFileSync(file, 'utf8') : '' };
    }),
  );
}

/** Ask the built commands of the workspace for their help, each once; an unknown one is an error. */
export function builtHelp(): HelpOf {
  const known = new Map<string, string>();
  return (command) => {
    const text = known.get(command) ?? printHelp(command);
    known.set(command, text);
    return text;
  };
}

function printHelp(command: string): string {
  const [bin = '', ...words] = command.split(' ');
  const owner: WorkspacePackage | undefined = publishedPackages().find(
    (each) => each.manifest.bin?.[bin] !== undefined,
  );
  if (owner === undefined) throw new Error(`no package has the command ${bin}`);
  const script = path.join(workspaceRoot, owner.path, owner.manifest.bin?.[bin] ?? '');
  // neither the language nor the settings of whoever runs this
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
  const text = execFileSync(process.execPath, [script, ...words, '--help'], { env, encoding: 'utf8' });
  return text.replaceAll('\r\n', '\n').trimEnd();
}

/** The commands that a help text lists: lines of two spaces, the tool's name and the command's. */
function commandsIn(help: string, bin: string): readonly string[] {
  const listed = /^Commands:\n((?: .*\n)+)/m.exec(`${help}\n`)?.[1] ?? '';
  // a long line goes on in further ones, which are indented more
  const names = [...listed.matchAll(/^ {2}(\S+) ([a-z][a-z-]*)\b.*(?:\n {3,}.*)*$/gm)].filter(
    ([text, name]) => name === bin && !text.includes('[default]'),
  );
  return names.map(([, name = '', word = '']) => `${name} ${word}`);
}

function commandOf(head: string): string {
  return (/<!-- help: (.+?) -->/.exec(head)?.[1] ?? '').trim();
}

const MARKER = /^<!-- help: .+? -->$/gm;
const BLOCK = /^(<!-- help: .+? -->\n+```text\n)([\s\S]*?)(^```)$/gm;
