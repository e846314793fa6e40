import { describe, expect, it } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { scratchDir } from '@mirror-tools/test-support';
import { command, flag, runCli } from '../../dist/cli/index.js';
import type { CliIo } from '../../dist/cli/index.js';
import { MirrorError } from '../../dist/index.js';

const get = command({
  name: 'get',
  summary: 'Get it.',
  isDefault: true,
  flags: {
    'index-dir': flag.string({ describe: 'the index' }),
    timeout: flag.duration({ describe: 'time for one attempt', default: '300s' }),
    'max-size': flag.size({ describe: 'largest file', default: '8GiB' }),
    crates: flag.list({ describe: 'which crates' }),
    limit: flag.number({ describe: 'how many', default: '0' }),
    layout: flag.choice({ describe: 'where files go', choices: ['shard', 'cargo'], default: 'shard' }),
    adaptive: flag.boolean({ describe: 'adapt', default: true }),
  },
  run: (values) => Promise.resolve({ summary: { ...values } }),
});

const pick = command({
  name: 'pick',
  summary: 'Pick one.',
  flags: {
    'index-dir': flag.string({ describe: 'the index' }),
    list: flag.string({ describe: 'the list' }),
    latest: flag.number({ describe: 'newest', default: '0' }),
  },
  eitherOr: [
    ['index-dir', 'list'],
    ['list', 'latest'],
  ],
  run: ({ indexDir, list, latest }) => Promise.resolve({ summary: { indexDir, list, latest } }),
});

const fail = command({
  name: 'fail',
  summary: 'Fail.',
  flags: {},
  run: () => Promise.reject(new MirrorError('ERR_IO', 'no space at https://user:secret@host/x', { hint: 'make some' })),
});

const partial = command({
  name: 'partial',
  summary: 'Half.',
  flags: {},
  run: () =>
    Promise.resolve({ summary: { failed: 1 }, failure: { code: 'ERR_PARTIAL' as const, message: 'one is missing' } }),
});

const tool = { name: 'mirror-x', version: '1.2.3', description: 'Does x.', commands: [get, pick, fail, partial] };

async function run(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ status: number; out: string; err: string }> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io: CliIo = { stdout, stderr, stdin: Readable.from([]), env, signal: new AbortController().signal };
  const status = await runCli(tool, args, io);
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

async function values(args: string[], env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const { status, out, err } = await run(args, env);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return JSON.parse(out) as Record<string, unknown>;
}

describe('of two flags that exclude each other', () => {
  const picked = async (args: string[], env: Record<string, string>): Promise<unknown> => {
    const { out } = await run(['pick', ...args], env);
    return JSON.parse(out);
  };

  it('the one nearer to the run counts, whichever it is, and the log says so', async () => {
    const { err } = await run(['pick', '--list', 'l'], { MIRROR_INDEX_DIR: 'i' });
    expect(err).toMatch(/gives way to another setting=MIRROR_INDEX_DIR for=--list/);
    expect(await picked(['--list', 'l'], { MIRROR_INDEX_DIR: 'i' })).toEqual({ list: 'l', latest: 0 });
    expect(await picked(['--index-dir=i'], { MIRROR_LIST: 'l' })).toEqual({ indexDir: 'i', latest: 0 });
    const file = path.join(scratchDir(), 'x.json');
    writeFileSync(file, '{"index-dir": "of the file", "latest": 3}');
    expect(await picked([], { MIRROR_LIST: 'l', MIRROR_CONFIG: file })).toEqual({ list: 'l', latest: 0 });
  });

  it('both stay when they come from one source: the command refuses them', async () => {
    expect(await picked(['--list=l', '--index-dir=i'], {})).toEqual({ indexDir: 'i', list: 'l', latest: 0 });
    const env = { MIRROR_LIST: 'l', MIRROR_INDEX_DIR: 'i' };
    expect(await picked([], env)).toEqual({ indexDir: 'i', list: 'l', latest: 0 });
  });

  it('one that has its default excludes nothing', async () => {
    expect(await picked(['--latest', '0'], { MIRROR_LIST: 'l' })).toEqual({ list: 'l', latest: 0 });
  });
});

describe('values', () => {
  it('units become base units at the border', async () => {
    expect(await values(['--timeout', '1m30s', '--max-size', '1.5GB'])).toMatchObject({
      timeout: 90_000,
      maxSize: 1_500_000_000,
    });
    expect(await values([])).toMatchObject({
      timeout: 300_000,
      maxSize: 8 * 2 ** 30,
      limit: 0,
      crates: [],
      adaptive: true,
    });
  });

  it('a flag counts before the environment, that before the file, that before the default', async () => {
    const file = path.join(scratchDir(), 'settings.yaml');
    writeFileSync(file, 'timeout: 1s\nlimit: 1\nlayout: cargo\ncrates: [a, b]\n');
    const env = { MIRROR_TIMEOUT: '2s', MIRROR_LIMIT: '2', MIRROR_CONFIG: file, UNRELATED: 'x' };
    expect(await values(['--timeout', '3s'], env)).toMatchObject({
      timeout: 3000,
      limit: 2,
      layout: 'cargo',
      crates: ['a', 'b'],
    });
  });

  it('the single-dash long form, an equals sign and a lone dash as a value are understood', async () => {
    expect(await values(['-index-dir', '-', '-limit=5', '--no-adaptive'])).toMatchObject({
      indexDir: '-',
      limit: 5,
      adaptive: false,
    });
  });

  it('a list is given by repetition or commas, and a semver range keeps its comma', async () => {
    expect(await values(['--crates', 'a,b*', '--crates', 'serde@>=1.0, <2'])).toMatchObject({
      crates: ['a', 'b*', 'serde@>=1.0, <2'],
    });
  });

  it('the last of two values of a plain flag counts', async () => {
    expect(await values(['--limit', '1', '--limit', '2'])).toMatchObject({ limit: 2 });
  });
});

describe('a variable MIRROR_… that is no setting', () => {
  it('is warned of with the setting that was meant, and changes nothing', async () => {
    const { status, out, err } = await run([], { MIRROR_LIMTI: '5', MIRROR_STRANGE: 'x', MIRROR_NONE: '' });
    expect({ status, limit: (JSON.parse(out) as { limit: number }).limit }).toEqual({ status: 0, limit: 0 });
    expect(err).toMatch(/warn .*unknown setting.* setting=MIRROR_LIMTI did_you_mean=MIRROR_LIMIT\n/);
    expect(err).toMatch(/setting=MIRROR_STRANGE\n/);
    expect(err).not.toContain('MIRROR_NONE');
  });

  it('is no surprise when another tool knows it', async () => {
    const others = {
      MIRROR_RESUME_CHECK: 'sha256',
      MIRROR_INDEX_TOKEN: 'x',
      MIRROR_ACCESS_LOG: 'x',
      MIRROR_ALGORITHMS: 'x',
    };
    expect((await run([], others)).err).toBe('');
  });
});

describe('exit status', () => {
  it.each([
    [['--nonsense', '1']],
    [['--limit', '-1']],
    [['--limit', 'many']],
    [['--timeout', 'soon']],
    [['--max-size', '5 parsecs']],
    [['--layout', 'flat']],
    [['--index-dir']],
    [['--index-dir', '--limit', '1']],
    [['elsewhere']],
    [['completion', 'tcsh']],
  ])('%j is a usage error that names itself', async (args) => {
    const { status, out, err } = await run(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^error: .+/);
  });

  it('an unknown key of a config file is an error with its name', async () => {
    const file = path.join(scratchDir(), 'settings.json');
    writeFileSync(file, '{"tiemout":"1s"}');
    const { status, err } = await run(['--config', file]);
    expect(status).toBe(2);
    expect(err).toContain('"tiemout"');
  });

  it('a failure shows message and hint once, without the password of a URL', async () => {
    expect(await run(['fail'])).toEqual({
      status: 6,
      out: '',
      err: 'error: no space at https://***@host/x\nhint: make some\n',
    });
  });

  it('a partial result prints its summary and ends with 3', async () => {
    const { status, out, err } = await run(['partial', '--log-format', 'json']);
    expect({ status, out }).toEqual({ status: 3, out: '{"failed":1}\n' });
    expect(JSON.parse(err)).toMatchObject({ level: 'error', message: 'one is missing', exit_status: 3 });
  });
});

describe('help', () => {
  it('--help and --version print on stdout and start nothing', async () => {
    expect(await run(['--version'])).toEqual({ status: 0, out: '1.2.3\n', err: '' });
    const { status, out } = await run(['fail', '--help']);
    expect(status).toBe(0);
    expect(out).toContain('mirror-x fail');
  });

  it('the help of the tool shows each default', async () => {
    const { out } = await run(['--help']);
    expect(out).toMatch(/--timeout .*\[default: 300s\]/);
    expect(out).toContain('Exit status: 0 done and verified');
  });

  it('a completion script knows every command and flag', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { out } = await run(['completion', shell]);
      for (const word of ['partial', 'max-size', 'log-format']) expect(out).toContain(word);
    }
  });
});

it('what is not known is named as it was written, and a choice with what it can be', async () => {
  const errors = async (...args: string[]): Promise<string> => (await run(args)).err.split('\n')[0]!;
  expect(await errors('--indexdir=x')).toBe('error: unknown: --indexdir');
  expect(await errors('got', '--limit', '1')).toBe('error: unknown: got');
  expect(await errors('--layout', 'flat')).toBe('error: --layout: expected shard or cargo, found "flat"');
});
