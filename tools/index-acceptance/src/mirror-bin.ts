#!/usr/bin/env node
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runMirrorAcceptance } from './run-mirror-acceptance.ts';

const HELP = `mirror-acceptance --repository REPO [options]

Mirrors an index with its oddities and small crate files made for it: syncs it from a git server, fills a mirror, serves and exports it and compares every
byte; then damages three index files and twenty crate files, takes upstream back by a commit, and sees that all of it is told and mended.

  --repository DIR  repository or bundle of an index; its HEAD is taken, and it stays as it is
  --every N         one file of the index in N  [1]
  --dir DIR         scratch folder, removed at the end unless something was wrong  [a new one in the temporary folder]

stdout: one JSON line. Exit status 0 when all is as it should be, else 1.
`;

const { values } = parseArgs({
  options: {
    repository: { type: 'string' },
    every: { type: 'string', default: '1' },
    dir: { type: 'string', default: path.join(os.tmpdir(), `mirror-acceptance-${String(process.pid)}`) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || values.repository === undefined) {
  process.stdout.write(HELP);
  process.exitCode = values.help ? 0 : 2;
} else {
  const report = await runMirrorAcceptance({
    repository: values.repository,
    every: Number(values.every),
    dir: values.dir,
    say: (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`),
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
}
