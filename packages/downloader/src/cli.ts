import { command, runCli } from '@mirror/core/cli';
import type { CliIo, Tool } from '@mirror/core/cli';
import { exportFlags } from './cli-export.ts';
import { downloadFlags, planFlags } from './cli-flags.ts';
import { importFlags } from './cli-import.ts';
import { pruneFlags } from './cli-prune.ts';
import { verifyFlags } from './cli-verify.ts';
import { version } from './cli-version.ts';

// versions come from an index or from a list; a list does not tell which are the latest
const SOURCES = [
  ['index-dir', 'list'],
  ['list', 'latest'],
] as const;

/** The tool as data. A command's code is loaded when it runs, so that `--help` is quick. */
export const tool: Tool = {
  name: 'mirror-downloader',
  version,
  description: 'Get every .crate of a registry, verified, once.',
  commands: [
    command({
      name: 'download',
      summary: 'Fetch what the mirror lacks, check it, record it.',
      isDefault: true,
      flags: downloadFlags,
      eitherOr: SOURCES,
      run: async (values, context) => {
        const { runDownload, runPlan } = await import('./cli-run.ts');
        return values.dryRun ? runPlan({ ...values, missing: undefined }, context) : runDownload(values, context);
      },
    }),
    command({
      name: 'plan',
      summary: 'Say what a download would do: versions, bytes, disk, time. Writes nothing.',
      flags: planFlags,
      eitherOr: SOURCES,
      run: async (values, context) => (await import('./cli-run.ts')).runPlan(values, context),
    }),
    command({
      name: 'verify',
      summary: 'Read the files of the mirror again, tell what is missing, corrupt or extra, and mend it if asked.',
      flags: verifyFlags,
      eitherOr: SOURCES,
      run: async (values, context) => (await import('./cli-verify-run.ts')).runVerify(values, context),
    }),
    command({
      name: 'prune',
      summary: 'Deal with files whose version the index no longer has.',
      flags: pruneFlags,
      run: async (values, context) => (await import('./cli-prune-run.ts')).runPrune(values, context),
    }),
    command({
      name: 'export',
      summary: 'Make a set for a place without a network: bundles, index, manifest, and a set file with their digests.',
      flags: exportFlags,
      run: async (values, context) => (await import('./cli-export-run.ts')).runExport(values, context),
    }),
    command({
      name: 'import',
      summary: 'Check a set from another place, and bring the mirror here to what it says.',
      positionals: [{ name: 'dir', describe: 'folder of the set, or of its parts', required: true }],
      flags: importFlags,
      run: async (values, context) => (await import('./cli-import-run.ts')).runImport(values, context),
    }),
  ],
};

/** Run the command line `argv` in the world `io`; resolves to the exit status. */
export function main(argv: readonly string[], io: CliIo): Promise<number> {
  return runCli(tool, argv, io);
}
