import { describe, expect, it } from '@jest/globals';
import { flagProblems } from '../dist/check-flags.js';
import { consoleSteps, isAsShown } from '../dist/expected-output.js';
import { readPage, saysWhy } from '../dist/read-page.js';

const page = [
  '# Page',
  '',
  '<!-- run: first',
  'mkdir mirror',
  '-->',
  '',
  'Needs the network:',
  '',
  '<!-- run: no, network -->',
  '',
  '```sh',
  'curl x',
  '```',
  '',
  '- in a list',
  '',
  '  <!-- run: status 4; needs gpg jq -->',
  '',
  '  ```sh',
  '  false',
  '  ```',
  '',
  '<!-- run: file a/b.yaml -->',
  '',
  '```yaml',
  'out: x',
  '```',
  '',
].join('\n');

describe('readPage', () => {
  const blocks = readPage(page);

  it('finds blocks, hidden ones too, with what is said about them', () => {
    expect(blocks).toEqual([
      { line: 3, language: 'sh', text: 'mkdir mirror\n', order: { needs: [] } },
      { line: 11, language: 'sh', text: 'curl x\n', order: { needs: [], notRun: 'network' } },
      { line: 19, language: 'sh', text: 'false\n', order: { needs: ['gpg', 'jq'], status: 4 } },
      { line: 25, language: 'yaml', text: 'out: x\n', order: { needs: [], file: 'a/b.yaml' } },
    ]);
  });

  it('refuses an order that it does not know', () => {
    expect(() => readPage('<!-- run: sometimes -->\n\n```sh\nx\n```\n')).toThrow(
      'line 3: cannot read the order "sometimes"',
    );
  });

  it('looks for the reason in the paragraph before', () => {
    expect(saysWhy(page, blocks[1]!)).toBe(true);
    expect(saysWhy(page.replace('Needs the network:', 'And now:'), blocks[1]!)).toBe(false);
  });
});

describe('console sessions', () => {
  it('are commands with what they print', () => {
    expect(consoleSteps('$ a \\\n> b\nout\n$ c\n')).toEqual([
      { command: 'a \\\nb', shown: 'out' },
      { command: 'c', shown: '' },
    ]);
  });

  it('an ellipsis stands for anything, everything else for itself', () => {
    expect(isAsShown('{"a":…,"b":2}', '{"a":1,"b":2}\n')).toBe(true);
    expect(isAsShown('one\n…\nfour', 'one\ntwo\nthree\nfour\n')).toBe(true);
    expect(isAsShown('a.b', 'axb')).toBe(false);
    expect(isAsShown('{"a":…,"b":2}', '{"a":1,"b":3}')).toBe(false);
  });
});

describe('flagProblems', () => {
  const helps: Readonly<Record<string, string>> = {
    'mirror-downloader':
      '  mirror-downloader plan      Say.\n\n  --out DIR  where\n  --[no-]progress  show\n  --no-sign  x',
    'mirror-downloader plan': '  --missing FILE  what',
  };
  const helpOf = (command: string): string => helps[command] ?? '';

  it('finds flags that a command does not have', () => {
    const text =
      'sudo mirror-downloader --out x --no-progress \\\n  --wrong=1 | jq --slurp\nmirror-downloader plan --missing - --out y # --nothing\n';
    expect(flagProblems(text, helpOf)).toEqual([
      'mirror-downloader: no flag --wrong',
      'mirror-downloader: no flag --out',
    ]);
  });
});
