#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { runDemo } from './run-demo.ts';

const HELP = `npm run demo -- [options]

Mirrors the embedded registry with the real commands: the index over git, every crate, once more to show that nothing is
downloaded again, and a build by cargo from the mirror. What is not installed (git, cargo) is left out and said.

  --crates N   number of crates in the embedded registry   [300]
  --port N     port of the embedded registry               [any]
  --dir DIR    where registry and mirror go                [demo-mirror]
  --keep       go on with what an earlier demo left in DIR instead of beginning anew
  --help       show this
`;

const { values } = parseArgs({
  options: {
    crates: { type: 'string', default: '300' },
    port: { type: 'string', default: '0' },
    dir: { type: 'string', default: 'demo-mirror' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [crates, port] = [Number(values.crates), Number(values.port)];
if (values.help) {
  process.stdout.write(HELP);
} else if (!Number.isInteger(crates) || crates < 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write(`--crates and --port need whole numbers\n\n${HELP}`);
  process.exitCode = 2;
} else {
  process.exitCode = await runDemo({ crates, port, dir: values.dir, keep: values.keep });
}
