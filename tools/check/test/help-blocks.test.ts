import { describe, expect, it } from '@jest/globals';
import { builtHelp, commandReadmes, helpBlocks, helpProblems, withHelp } from '../dist/help-blocks.js';

describe('the READMEs', () => {
  const helpOf = builtHelp();
  for (const { bin, readme } of commandReadmes()) {
    it(`${bin} is shown as its --help prints it`, () => {
      expect(helpProblems(readme, bin, helpOf)).toEqual([]);
    });
  }
});

describe('help blocks', () => {
  const help: Readonly<Record<string, string>> = {
    'mirror-x': [
      'mirror-x [command] [flags]',
      '',
      'Commands:',
      '  mirror-x           Do it.  [default] [aliases: run]',
      '  mirror-x plan      Say it.',
      '  mirror-x re-check <file>  Look at a file.',
      '',
      'Flags:',
      '  mirror-x none',
    ].join('\n'),
    'mirror-x plan': 'mirror-x plan\n\nSay it.',
    'mirror-x re-check': 'mirror-x re-check $& <file>', // $& is special in replacements
  };
  const helpOf = (command: string): string => help[command] ?? '';
  const empty = ['mirror-x', 'mirror-x plan', 'mirror-x re-check']
    .map((command) => `# ${command}\n\n<!-- help: ${command} -->\n\n\`\`\`text\n\`\`\`\n\nafter\n`)
    .join('\n');
  const readme = withHelp(empty, helpOf);

  it('written blocks hold what the command prints and nothing else changes', () => {
    expect(helpBlocks(readme)).toEqual(Object.entries(help).map(([command, text]) => ({ command, text: `${text}\n` })));
    expect(readme.match(/^after$/gm)).toHaveLength(3);
    expect(withHelp(readme, helpOf)).toBe(readme);
    expect(helpProblems(readme, 'mirror-x', helpOf)).toEqual([]);
  });

  it('a block that differs in one character is found', () => {
    expect(helpProblems(readme.replace('plan\n\nSay it.', 'plan\n\nSay it'), 'mirror-x', helpOf)).toEqual([
      expect.stringContaining('the block of mirror-x plan'),
    ]);
  });

  it('a command without a block is found', () => {
    const without = readme.replace('<!-- help: mirror-x re-check -->', '');
    expect(helpProblems(without, 'mirror-x', helpOf)).toEqual(['no block for mirror-x re-check']);
  });

  it('a marker without a block is found', () => {
    const without = readme.replace('<!-- help: mirror-x plan -->\n\n```text', '<!-- help: mirror-x plan -->\n\n```');
    expect(helpProblems(without, 'mirror-x', helpOf)).toEqual([expect.stringContaining('the marker of mirror-x plan')]);
  });
});
