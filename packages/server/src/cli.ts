import { command, runCli } from '@mirror/core/cli';
import type { CliIo, Tool } from '@mirror/core/cli';
import { doctorFlags, exportFlags, serveFlags } from './cli-flags.ts';
import { version } from './cli-version.ts';

/** The tool as data. A command's code is loaded when it runs, so that `--help` is quick. */
export const tool: Tool = {
  name: 'mirror-server',
  version,
  description: 'Give a mirror of crates.io to cargo.',
  commands: [
    command({
      name: 'serve',
      summary: 'Serve a registry that cargo builds from.',
      isDefault: true,
      flags: serveFlags,
      run: async (values, context) => (await import('./cli-serve.ts')).runServe(values, context),
    }),
    command({
      name: 'export',
      summary: 'Write a static tree, and a configuration of nginx, that serve the same without this program.',
      positionals: [{ name: 'dir', describe: 'folder of the tree', required: true }],
      flags: exportFlags,
      run: async (values, context) => (await import('./cli-export.ts')).runExport(values, context),
    }),
    command({
      name: 'doctor',
      summary: 'Let the real cargo fetch from the mirror, every other way out blocked, and say what fails.',
      flags: doctorFlags,
      run: async (values, context) => (await import('./cli-doctor.ts')).runDoctor(values, context),
    }),
  ],
};

/** Run the command line `argv` in the world `io`; resolves to the exit status. */
export function main(argv: readonly string[], io: CliIo): Promise<number> {
  return runCli(tool, argv, io);
}
