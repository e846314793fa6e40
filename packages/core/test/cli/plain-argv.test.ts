import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { command, flag } from '../../dist/cli/index.js';
import { commonFlags } from '../../dist/cli/common-flags.js';
import { normalizeArgv } from '../../dist/cli/normalize-argv.js';
import { parseWithYargs } from '../../dist/cli/parse-with-yargs.js';
import { readPlainArgv } from '../../dist/cli/plain-argv.js';

const nothing = (): Promise<undefined> => Promise.resolve(undefined);
const flags = {
  'index-dir': flag.string({ describe: 'the index' }),
  crates: flag.list({ describe: 'which crates' }),
  limit: flag.number({ describe: 'how many', default: '0' }),
  layout: flag.choice({ describe: 'where files go', choices: ['shard', 'cargo'], default: 'shard' }),
  adaptive: flag.boolean({ describe: 'adapt', default: true }),
};
const tool = {
  name: 'mirror-x',
  version: '1.2.3',
  description: 'Does x.',
  commands: [
    command({ name: 'get', summary: 'Get it.', isDefault: true, flags, run: nothing }),
    command({ name: 'check', summary: 'Check it.', flags: { limit: flags.limit }, run: nothing }),
    command({
      name: 'put',
      summary: 'Put it.',
      positionals: [{ name: 'dir', describe: 'where', required: true }],
      flags: {},
      run: nothing,
    }),
  ],
};
const tables = tool.commands.map((each) => ({ ...each.flags, ...commonFlags }));

const word = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('--index-dir=x', '--crates=a,b', '--crates=serde@>=1, <2', '--limit=5') },
  {
    weight: 6,
    arbitrary: fc.constantFrom('--layout=cargo', '--adaptive=true', '--adaptive=false', '--progress=false'),
  },
  { weight: 2, arbitrary: fc.constantFrom('get', 'check', 'put', '--log-level=debug', '--config=a.yaml') },
  { weight: 1, arbitrary: fc.constantFrom('--layout=flat', '--nonsense', '--no-limit', '-', '--', '-v', '--limit=') },
  { weight: 1, arbitrary: fc.constantFrom('--adaptive=false', '--adaptive=maybe', "--index-dir='q'", '--__proto__=1') },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('index-dir', 'crates', 'limit'), fc.string())
      .map(([name, text]) => `--${name}=${text}`),
  },
);

describe('readPlainArgv', () => {
  it('gives what yargs gives, or nothing', async () => {
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 4 }), async (args) => {
        const found = readPlainArgv(tool, args);
        if (found === undefined) return;
        plain += 1;
        expect(found).toEqual(await parseWithYargs(tool, args));
      }),
      { numRuns: 500 },
    );
    expect(plain).toBeGreaterThan(50);
  });

  it.each([
    [[]],
    [['-index-dir', 'x', '--limit', '5']],
    [['check', '--limit=1', '--limit', '2', '--no-progress']],
    [['--crates', 'a,b', '--crates', 'c', 'get', '--adaptive', '--layout', 'cargo']],
  ])('%j needs no yargs', (args) => {
    expect(readPlainArgv(tool, normalizeArgv(args, tables))).toBeDefined();
  });

  it.each([
    [['--nonsense=1']],
    [['elsewhere']],
    [['put', 'dir']],
    [['check', '--layout=cargo']],
    [['--limit']],
    [['--', 'get']],
    [['get', 'get']],
    [['--adaptive', 'get']],
  ])('%j is left to yargs', (args) => {
    expect(readPlainArgv(tool, args)).toBeUndefined();
  });
});
