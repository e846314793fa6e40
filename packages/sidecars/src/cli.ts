import { command, runCli } from '@mirror/core/cli';
import type { CliIo, Tool } from '@mirror/core/cli';
import { generateFlags } from './cli-flags.ts';
import { version } from './cli-version.ts';

/** The tool as data. Its code is loaded when it runs, so that `--help` is quick. */
export const tool: Tool = {
  name: 'mirror-sidecars',
  version,
  description: 'Write one JSON file of metadata per crate version, and keep it as the index has it.',
  commands: [
    command({
      name: 'generate',
      summary: 'Bring the sidecars up to what the index says, or check whether they are.',
      isDefault: true,
      flags: generateFlags,
      eitherOr: [
        ['prune', 'format'],
        ['prune', 'limit'],
      ],
      run: async (values, context) => {
        const { runCheck, runGenerate } = await import('./cli-run.ts');
        return values.check ? runCheck(values, context) : runGenerate(values, context);
      },
    }),
  ],
};

/** Run the command line `argv` in the world `io`; resolves to the exit status. */
export function main(argv: readonly string[], io: CliIo): Promise<number> {
  return runCli(tool, argv, io);
}
