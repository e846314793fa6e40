import { expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { command, flag, runCli } from '../../dist/cli/index.js';
import type { CliIo, Tool } from '../../dist/cli/index.js';

const flags = {
  out: flag.string({ describe: "where it's going [the folder]: DIR", value: 'DIR' }),
  layout: flag.choice({ describe: 'how', choices: ['shard', 'cargo'], default: 'shard' }),
  adaptive: flag.boolean({ describe: 'slow down', default: true }),
};
const run = (): Promise<undefined> => Promise.resolve(undefined);
const tool: Tool = {
  name: 'mirror-x',
  version: '1.0.0',
  description: 'Do it.',
  commands: [
    command({ name: 'fetch', summary: 'Fetch "it"; at $HOME.', isDefault: true, flags, run }),
    command({
      name: 'plan',
      summary: "Say what's to come.",
      flags: { missing: flag.boolean({ describe: 'what' }) },
      run,
    }),
  ],
};

async function script(shell: string): Promise<string> {
  let text = '';
  const io = {
    stdout: { write: (piece: string) => ((text += piece), true) },
    stderr: { write: () => true },
    signal: new AbortController().signal,
  };
  expect(await runCli(tool, ['completion', shell], io as unknown as CliIo)).toBe(0);
  const file = path.join(scratchDir(), `complete.${shell}`);
  writeFileSync(file, text);
  return file;
}

async function inBash(...words: readonly string[]): Promise<readonly string[]> {
  const set = words.map((word) => `'${word}'`).join(' ');
  const lines = `. '${await script('bash')}'; COMP_WORDS=(mirror-x ${set}); COMP_CWORD=${String(words.length)}; _mirror_x; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', lines], { cwd: scratchDir(), encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

const bash = process.platform === 'win32' ? ['a shell of POSIX'] : ['bash'];

itWith(bash, 'bash completes commands, flags and their words', async () => {
  expect(await inBash('pl')).toEqual(['plan']);
  expect(await inBash('--l')).toEqual(['--layout', '--log-level', '--log-format', '--log-file']);
  expect(await inBash('--no-a')).toEqual(['--no-adaptive']);
  expect(await inBash('plan', '--mi')).toEqual(['--missing']);
  expect(await inBash('fetch', '--layout', 'c')).toEqual(['cargo']);
  expect(await inBash('plan', '--la')).toEqual([]);
});

itWith(['fish'], 'fish completes commands, flags and their words', async () => {
  const file = await script('fish');
  const complete = (line: string): readonly string[] =>
    execFileSync('fish', ['--no-config', '-c', `source '${file}'; complete -C '${line}'`], {
      cwd: scratchDir(),
      encoding: 'utf8',
    })
      .split('\n')
      .filter((each) => each !== '')
      .map((each) => each.split('\t')[0] ?? '');
  expect(complete('mirror-x pl')).toEqual(['plan']);
  expect(complete('mirror-x --lay')).toEqual(['--layout']);
  expect(complete('mirror-x fetch --layout ')).toEqual(['cargo', 'shard']);
  expect(complete('mirror-x plan --mi')).toEqual(['--missing']);
});

// a completion of zsh only runs in its line editor: the line is typed into a zsh of its own, and what stands there after a tab is printed
itWith(['zsh'], 'zsh completes commands, flags and their words', async () => {
  const file = await script('zsh');
  const complete = (line: string): string => {
    const lines = [
      'zmodload zsh/zpty',
      'zpty shell zsh -f -i',
      `zpty -w shell "PS1=; autoload -Uz compinit; compinit -u -D; . '${file}'; show() { print -r -- \\"@\\"\\"@\\$BUFFER@\\"\\"@\\"; }; zle -N show; bindkey '^X' show; print begun"`,
      "until [[ $seen == *$'\\n'begun* ]]; do zpty -r shell piece || exit 1; seen+=$piece; done",
      `zpty -n -w shell $'${line}\\t\\x18'`,
      'until [[ $seen == *@@*@@* ]]; do zpty -r shell piece || exit 1; seen+=$piece; done',
      'print -r -- $seen',
      'zpty -d shell',
    ];
    const seen = execFileSync('zsh', ['-f', '-c', lines.join('\n')], {
      cwd: scratchDir(),
      encoding: 'utf8',
      timeout: 30_000,
    });
    return (/@@(mirror-x[^@]*)@@/.exec(seen)?.[1] ?? seen).trimEnd();
  };
  expect(complete('mirror-x pl')).toBe('mirror-x plan');
  expect(complete('mirror-x --lay')).toBe('mirror-x --layout');
  expect(complete('mirror-x fetch --layout ca')).toBe('mirror-x fetch --layout cargo');
  expect(complete('mirror-x plan --mi')).toBe('mirror-x plan --missing');
});

it('another shell is refused', async () => {
  let said = '';
  const io = {
    stdout: { write: () => true },
    stderr: { write: (piece: string) => ((said += piece), true) },
    signal: new AbortController().signal,
  };
  expect(await runCli(tool, ['completion', 'tcsh'], io as unknown as CliIo)).toBe(2);
  expect(said).toContain('bash, zsh or fish');
});
