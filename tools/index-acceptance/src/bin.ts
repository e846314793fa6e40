#!/usr/bin/env node
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { PARTS, runAcceptance } from './run-acceptance.ts';
import type { Part } from './run-acceptance.ts';

const HELP = `index-acceptance --repository REPO.git [options]

Syncs an index from a real git server through all that happens to one, and judges every state by git itself: the files by
\`git archive\`, the repository by \`git fsck\` and \`git status\`, the change feed by \`git diff-tree\` and a comparison of lines.

  --repository DIR  bare repository whose branch master has the states, as \`index-generator --history\` makes; it stays as it is
  --steps A,B,…     updates by so many commits, one after the other  [1,1000,10000]
  --parts A,B,…     some of ${PARTS.join(', ')}  [all]
  --engines A,B,…   for the part engines: some of pack, isomorphic, system, sparse  [all]
  --kills N         moments at which a run is killed, half of them in a first sync  [20]
  --damages N       packs that are damaged or cut, in each of a first sync and an update  [12]
  --bare            packs alone, without a work tree
  --dir DIR         scratch folder, removed at the end unless something was wrong  [a new one in the temporary folder]

SIGTERM ends it after the step it is at, with the report so far.
stdout: one JSON line. Exit status 0 when all is as it should be, else 1.
`;

const { values } = parseArgs({
  options: {
    repository: { type: 'string' },
    steps: { type: 'string', default: '1,1000,10000' },
    parts: { type: 'string', default: PARTS.join() },
    engines: { type: 'string', default: 'pack,isomorphic,system,sparse' },
    kills: { type: 'string', default: '20' },
    damages: { type: 'string', default: '12' },
    bare: { type: 'boolean', default: false },
    dir: { type: 'string', default: path.join(os.tmpdir(), `index-acceptance-${String(process.pid)}`) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || values.repository === undefined) {
  process.stdout.write(HELP);
  process.exitCode = values.help ? 0 : 2;
} else {
  const controller = new AbortController();
  process.once('SIGTERM', () => controller.abort(new Error('stopped by SIGTERM')));
  const report = await runAcceptance({
    repository: values.repository,
    steps: values.steps.split(',').map(Number),
    parts: values.parts.split(',') as Part[],
    engines: values.engines.split(','),
    kills: Number(values.kills),
    damages: Number(values.damages),
    isBare: values.bare,
    dir: values.dir,
    signal: controller.signal,
    say: (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`),
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
}
