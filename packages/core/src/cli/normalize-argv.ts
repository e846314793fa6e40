import { MirrorError } from '../errors.ts';
import type { Flags } from './flags.ts';

/**
 * The command line in one form: `-index-dir x` (a single dash before a known long name) becomes `--index-dir=x`, and
 * every value is joined to its flag, so that values such as `-` or `-5` are never taken for flags. A boolean flag has a value too:
 * `--x` becomes `--x=true`, `--no-x` becomes `--x=false`.
 *
 * @param tables - the flags of every command of the tool
 * @throws {MirrorError} ERR_USAGE when a flag that needs a value has none, or a negated one has one
 */
export function normalizeArgv(argv: readonly string[], tables: readonly Flags[]): string[] {
  const flags: Flags = Object.fromEntries(tables.flatMap((table) => Object.entries(table)));
  const result: string[] = [];
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i]!;
    if (word === '--') return [...result, ...argv.slice(i)];
    const match = /^--?([a-z][a-z0-9-]+)(=.*)?$/s.exec(word);
    const name = match?.[1] ?? '';
    const spec = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (match === null || spec === undefined) {
      result.push(negated(name, match?.[2], flags) ?? (name === 'help' || name === 'version' ? `--${name}` : word));
    } else if (match[2] !== undefined || spec.kind === 'boolean') {
      result.push(`--${name}${match[2] ?? '=true'}`);
    } else {
      i += 1;
      const value = argv[i];
      if (value === undefined || isFlag(value, flags))
        throw new MirrorError('ERR_USAGE', `--${name} needs a value (${spec.value})`);
      result.push(`--${name}=${value}`);
    }
  }
  return result;
}

/** `--no-x` says that `x` is false, and nothing else: `--no-x=false` could be read both ways. */
function negated(name: string, value: string | undefined, flags: Flags): string | undefined {
  const positive = name.startsWith('no-') ? name.slice('no-'.length) : '';
  if (!Object.hasOwn(flags, positive)) return undefined;
  if (flags[positive]?.kind !== 'boolean')
    throw new MirrorError('ERR_USAGE', `unknown: --${name}`, {
      hint: `--${positive} takes a value and cannot be negated`,
    });
  if (value === undefined) return `--${positive}=false`;
  throw new MirrorError('ERR_USAGE', `--${name} takes no value, found ${JSON.stringify(value.slice(1))}`, {
    hint: `use --${name}, or --${positive}=true or false`,
  });
}

function isFlag(word: string, flags: Flags): boolean {
  const name = /^--?([a-z][a-z0-9-]+)(=.*)?$/s.exec(word)?.[1];
  return name !== undefined && (Object.hasOwn(flags, name) || name === 'help');
}
