#!/usr/bin/env node
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runSoak } from './run-soak.ts';

const HELP = `mirror-soak [options]

A long bad night for the downloader: 5 % of all answers are faults, it is killed twice, its disk fills up, its upstream is away for
half a minute. In the end the mirror must be what the index says, byte for byte, with a record for every version.

  --versions N     versions in the registry        [200000]
  --fault-rate R   share of the answers that fail  [0.05]
  --outage MS      how long upstream is away       [30000]
  --dir DIR        scratch folder, removed at the end unless something was wrong  [a new one in the temporary folder]
  --seed TEXT      what everything is drawn from   [1]
`;

const { values } = parseArgs({
  options: {
    versions: { type: 'string', default: '200000' },
    'fault-rate': { type: 'string', default: '0.05' },
    outage: { type: 'string', default: '30000' },
    dir: { type: 'string', default: path.join(os.tmpdir(), `mirror-soak-${String(process.pid)}`) },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
} else {
  const report = await runSoak({
    versions: Number(values.versions),
    faultRate: Number(values['fault-rate']),
    outageMs: Number(values.outage),
    dir: values.dir,
    seed: values.seed,
    say: (text) => process.stderr.write(`${new Date().toISOString()} ${text}\n`),
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
}
