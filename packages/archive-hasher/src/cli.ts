import { createRequire } from 'node:module';
import { runCli } from '@mirror/core/cli';
import type { CliIo } from '@mirror/core/cli';
import { hash } from './cli-hash.ts';
import { verify } from './cli-verify.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Run the command line `argv` in the world `io`; resolves to the exit status. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  const description = 'Hash, inventory, sign and pack a directory, and check it again later.';
  return runCli({ name: 'mirror-archive-hasher', version, description, commands: [hash, verify] }, argv, io);
}
