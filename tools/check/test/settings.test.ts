import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { commandLineReader, settingNames, settingNamesFile, toolTables } from '../dist/setting-names.js';

type Values = Readonly<Record<string, unknown>>;
const readCommandLine = await commandLineReader();

const VALID: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['true', 'yes', 'on', '1', 'TRUE', 'Yes', 'oN'].map((text): [string, boolean] => [text, true]),
  ...['false', 'no', 'off', '0', 'FALSE', 'No', 'oFf'].map((text): [string, boolean] => [text, false]),
]);
const INVALID = ['maybe', '2', '-1', '1.0', 'y', 'n', 'truee', 'null', ' true', 'true ', "'true'", '"no"', '[true]'];

/** The ways to say the value of one setting, and how an error names each. */
const SOURCES: Readonly<Record<string, (name: string, text: string, dir: string) => Said>> = {
  'the command line': (name, text) => ({ argv: [`--${name}=${text}`], origin: `--${name}` }),
  'the command line, one dash': (name, text) => ({ argv: [`-${name}=${text}`], origin: `--${name}` }),
  'the environment': (name, text) => {
    const variable = `MIRROR_${name.toUpperCase().replaceAll('-', '_')}`;
    return { env: { [variable]: text }, origin: variable };
  },
  'a JSON file': (name, text, dir) => file(dir, 'c.json', JSON.stringify({ [name]: text }), name),
  'a YAML file': (name, text, dir) => file(dir, 'c.yaml', `${name}: ${JSON.stringify(text)}\n`, name),
};

interface Said {
  readonly argv?: string[];
  readonly env?: Record<string, string>;
  readonly origin: string;
}

function file(dir: string, base: string, text: string, name: string): Said {
  const place = path.join(dir, base);
  writeFileSync(place, text);
  return { argv: [`--config=${place}`], origin: `${place}: ${name}` };
}

const camel = (name: string): string => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const tables = await toolTables();
const commands = tables.flatMap((tool) => tool.commands.map((command) => ({ tool, command })));

async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'settings-'));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

it('core knows the settings of all tools (pnpm docs:help writes them)', async () => {
  expect(readFileSync(settingNamesFile, 'utf8')).toBe(await settingNames());
});

describe.each(commands.map((each) => [`${each.tool.name} ${each.command.name}`, each] as const))(
  '%s',
  (_, { tool, command }) => {
    const read = async (said: Said, dir: string): Promise<Values> =>
      (await readCommandLine(tool, [...positional(dir), ...(said.argv ?? [])], said.env ?? {})).values;
    const positional = (dir: string): string[] => {
      const wanted = (command as { positionals?: readonly { required: boolean }[] }).positionals ?? [];
      return [command.name, ...wanted.filter(({ required }) => required).map(() => dir)];
    };
    const booleans = Object.entries(command.flags)
      .filter(([, { kind }]) => kind === 'boolean')
      .map(([name]) => name);

    it.each(Object.entries(SOURCES))('reads its boolean flags alike from %s', async (_source, say) => {
      await inFolder(async (dir) => {
        for (const name of booleans) {
          for (const [text, value] of Object.entries(VALID)) {
            expect({ name, text, value: (await read(say(name, text, dir), dir))[camel(name)] }).toEqual({
              name,
              text,
              value,
            });
          }
          for (const text of INVALID) {
            const said = say(name, text, dir);
            const error: unknown = await read(said, dir).catch((thrown: unknown) => thrown);
            expect(error).toMatchObject({ code: 'ERR_USAGE' });
            expect((error as Error).message).toContain(`${said.origin}: expected true or false`);
            expect((error as Error).message).toContain(JSON.stringify(text));
          }
        }
      });
    });

    it('reads a flag without a value, its negation, and refuses a value for the negation', async () => {
      await inFolder(async (dir) => {
        for (const name of booleans) {
          const of = async (...argv: string[]): Promise<unknown> =>
            (await read({ argv, origin: '' }, dir))[camel(name)];
          expect([await of(`--${name}`), await of(`--no-${name}`), await of(`--no-${name}`, `--${name}`)]).toEqual([
            true,
            false,
            true,
          ]);
          for (const text of ['true', 'false', 'maybe', '']) {
            await expect(of(`--no-${name}=${text}`)).rejects.toMatchObject({ code: 'ERR_USAGE' });
          }
          await expect(of(`--${name}=maybe`, `--${name}=true`)).rejects.toMatchObject({ code: 'ERR_USAGE' });
          await expect(of(`--${name}=`)).rejects.toMatchObject({ code: 'ERR_USAGE' });
        }
      });
    });

    it('reads booleans and numbers of a config file as such, and refuses lists and mappings', async () => {
      await inFolder(async (dir) => {
        for (const name of booleans) {
          const of = async (text: string): Promise<unknown> =>
            (await read(file(dir, 'c.json', `{"${name}": ${text}}`, name), dir))[camel(name)];
          expect([await of('true'), await of('false'), await of('1'), await of('0')]).toEqual([
            true,
            false,
            true,
            false,
          ]);
          for (const text of ['2', '""', '[true]', '{"a":true}', '0.5']) {
            await expect(of(text)).rejects.toMatchObject({
              code: expect.stringMatching(/^ERR_(USAGE|CONFIG)$/) as unknown,
            });
          }
        }
      });
    });
  },
);

it('the tables hold the boolean flags that this is about', () => {
  const all = commands.flatMap(({ command }) => Object.values(command.flags)).filter(({ kind }) => kind === 'boolean');
  expect(all.length).toBeGreaterThan(30);
});
