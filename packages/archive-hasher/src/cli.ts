import { createRequire } from 'node:module';
import { runCli } from '@mirror/core/cli';
import type { CliIo, Tool } from '@mirror/core/cli';
import { hash } from './cli-hash.ts';
import { sign } from './cli-sign.ts';
import { verify } from './cli-verify.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** The tool as data. */
export const tool: Tool = {
  name: 'mirror-archive-hasher',
  version,
  description: 'Hash, inventory, sign and pack a directory, and check it again later.',
  commands: [hash, sign, verify],
};

/** Run the command line `argv` in the world `io`; resolves to the exit status. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  return runCli(tool, argv, io);
}
