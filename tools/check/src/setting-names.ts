import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { workspaceRoot } from './workspace.ts';

/** What is looked at of a tool's table. */
export interface ToolTable {
  readonly name: string;
  readonly commands: readonly {
    readonly name: string;
    readonly isDefault: boolean;
    readonly flags: Readonly<Record<string, { readonly kind: string }>>;
  }[];
}

/** The file of core that knows the names of all settings. */
export const settingNamesFile: string = path.join(workspaceRoot, 'packages/core/src/cli/setting-names.ts');

/** The tables of all tools that have a command line, as they were built. */
export async function toolTables(): Promise<readonly ToolTable[]> {
  const packages = path.join(workspaceRoot, 'packages');
  const found: ToolTable[] = [];
  for (const name of readdirSync(packages).sort()) {
    if (!readdirSync(path.join(packages, name)).includes('src')) continue;
    if (!readdirSync(path.join(packages, name, 'src')).includes('cli.ts')) continue;
    const { tool } = (await import(pathToFileURL(path.join(packages, name, 'dist/cli.js')).href)) as {
      tool: ToolTable;
    };
    found.push(tool);
  }
  return found;
}

/** What is asked of core's reader of command lines. */
export type CommandLineReader = (
  tool: ToolTable,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
) => Promise<{ readonly values: Readonly<Record<string, unknown>> }>;

/** Core's reader of command lines, as it was built. */
export async function commandLineReader(): Promise<CommandLineReader> {
  const file = path.join(workspaceRoot, 'packages/core/dist/cli/index.js');
  const core = (await import(pathToFileURL(file).href)) as { readonly readCommandLine: CommandLineReader };
  return core.readCommandLine;
}

/** The text of `settingNamesFile`: every flag of every tool, and the variables that the sources name beside them. */
export async function settingNames(): Promise<string> {
  const flags = new Set<string>();
  for (const { commands } of await toolTables())
    for (const each of commands) for (const name in each.flags) flags.add(name);
  for (const name of await commonNames()) flags.add(name);
  const variables = new Set([...flags].map((name) => `MIRROR_${name.toUpperCase().replaceAll('-', '_')}`));
  const others = namedInSources().filter((name) => !variables.has(name));
  const lines = (names: readonly string[]): string => names.map((name) => `  '${name}',\n`).join('');
  const text = `// Written by tools/check (docs:help) from the flag tables of all tools.

/** The flags of all tools, each of which \`MIRROR_<FLAG>\` sets. */
export const SETTING_NAMES: readonly string[] = [
${lines([...flags].sort())}];

/** Variables that are read without being a flag. */
export const OTHER_SETTINGS: readonly string[] = [
${lines(others)}];
`;
  return format(text, { ...(await resolveConfig(settingNamesFile)), filepath: settingNamesFile });
}

async function commonNames(): Promise<readonly string[]> {
  const file = path.join(workspaceRoot, 'packages/core/dist/cli/common-flags.js');
  const { commonFlags } = (await import(pathToFileURL(file).href)) as { commonFlags: object };
  return Object.keys(commonFlags);
}

/** A variable in quotation marks is one that some code asks for. */
function namedInSources(): readonly string[] {
  const packages = path.join(workspaceRoot, 'packages');
  const sources = readdirSync(packages)
    .map((name) => path.join(packages, name, 'src'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file)),
    )
    .filter((file) => file.endsWith('.ts') && file !== settingNamesFile);
  const names = sources.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return [...text.matchAll(/['"](MIRROR_[A-Z0-9_]*[A-Z0-9])['"]/g)].map(([, name]) => name ?? '');
  });
  return [...new Set(names)].sort();
}
