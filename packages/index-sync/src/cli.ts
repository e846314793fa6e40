import { createRequire } from 'node:module';
import { command, runCli } from '@mirror/core/cli';
import type { CliIo, Tool } from '@mirror/core/cli';
import { syncFlags } from './cli-flags.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** The tool as data. The work is loaded when it begins, so that `--help` is quick. */
export const tool: Tool = {
  name: 'mirror-index-sync',
  version,
  description:
    'Clone or update the crates.io index, say what changed, run the downloader. A token for the index can be given in MIRROR_INDEX_TOKEN.',
  commands: [
    command({
      name: 'sync',
      summary: 'Bring the index up to date, then ask to run the downloader.',
      isDefault: true,
      flags: syncFlags,
      run: async (values, context) => (await import('./cli-run.ts')).runSync(values, context, version),
    }),
  ],
};

/** Run the command line `argv` in the world `io`; resolves to the exit status. */
export function main(argv: readonly string[], io: CliIo): Promise<number> {
  return runCli(tool, argv.map(inTodaysWords), { ...io, env: withTodaysNames(io.env) });
}

// two spellings of the original wrapper that have other names now
function inTodaysWords(word: string, n: number, argv: readonly string[]): string {
  const renamed = word.replace(/^--?log-path(?==|$)/, '--log-file');
  return renamed === 'warning' && /^--?log-level$/.test(argv[n - 1] ?? '')
    ? 'warn'
    : renamed.replace(/^(--?log-level=)warning$/, '$1warn');
}

function withTodaysNames(env: CliIo['env']): CliIo['env'] {
  return env['MIRROR_LOG_PATH'] === undefined ? env : { MIRROR_LOG_FILE: env['MIRROR_LOG_PATH'], ...env };
}
