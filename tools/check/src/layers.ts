import path from 'node:path';

/** The floors of a package, from the door to the ground: each may use its own and those below it. */
export type Layer = 'bin' | 'cli' | 'library';

/**
 * Why the source file `file` may not import `specifier`; undefined when it may.
 *
 * Imports go one way: bin → cli → library → `@mirror/core`. Only `bin.ts`, `cli.ts`, `cli-*.ts` and `cli/` know the command
 * line (`@mirror/core/cli`, yargs, winston, the progress bar). The tools do not import each other: they meet in the shell,
 * in files and in core. What is shipped never imports what is not (`@mirror-tools/*`, tests, another package's files).
 *
 * @param file - path from the top of the workspace with `/`; only files of `packages/<name>/src/` are bound by the rule
 * @param specifier - what stands in the import, as written
 */
export function layerProblem(file: string, specifier: string): string | undefined {
  const place = /^packages\/([^/]+)\/src\/(.+)$/.exec(file);
  if (place === null) return undefined;
  const [, owner = '', inside = ''] = place;
  const from = layerOf(inside);
  return specifier.startsWith('.')
    ? relativeProblem(owner, file, from, specifier)
    : packageProblem(owner, from, specifier);
}

/** The layer of a source file; `inside` is its path from the package's `src`. */
export function layerOf(inside: string): Layer {
  if (inside === 'bin.ts') return 'bin';
  return /^cli(-[^/]*)?\.ts$|^cli\//.test(inside) ? 'cli' : 'library';
}

const HEIGHT: Readonly<Record<Layer, number>> = { library: 0, cli: 1, bin: 2 };

/** Packages that speak to a terminal. */
const COMMAND_LINE = /^(yargs|winston|cli-progress)(\/|$)/;

function packageProblem(owner: string, from: Layer, specifier: string): string | undefined {
  if (specifier.startsWith('@mirror-tools/')) return `${specifier} is for development only: it is not published`;
  if (from === 'library' && (specifier === '@mirror/core/cli' || COMMAND_LINE.test(specifier))) {
    return `only bin.ts and cli*.ts may import ${specifier}: library code is told what it needs by its caller`;
  }
  const [scope, name] = specifier.split('/');
  if (scope !== '@mirror' || name === undefined) return undefined;
  if (name === owner) return `a package reaches its own files by relative paths, not as ${specifier}`;
  if (owner === 'core') return `core stands on the ground: it imports nothing of the workspace, so not ${specifier}`;
  return name === 'core'
    ? undefined
    : `tools do not import each other: what two of them need moves to @mirror/core, so not ${specifier}`;
}

function relativeProblem(owner: string, file: string, from: Layer, specifier: string): string | undefined {
  const target = path.posix.join(path.posix.dirname(file), specifier);
  const source = `packages/${owner}/src/`;
  if (!target.startsWith(source)) {
    return target === `packages/${owner}/package.json` ? undefined : `${specifier} leads out of the package's src`;
  }
  const to = layerOf(target.slice(source.length));
  return HEIGHT[to] > HEIGHT[from]
    ? `imports go bin → cli → library: ${from} code may not import ${specifier} (${to})`
    : undefined;
}
