// `node tools/run/pack.js [DIR]`: pack every package that is published into DIR, and judge what came out: contents and types of each tarball, and an
// installation of each in an empty project. The packages must be built. The exit status is 1 when anything is wrong.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { root, step } from './setup.js';

const dir = path.resolve(process.argv[2] ?? 'tarballs');
mkdirSync(dir, { recursive: true });
for (const check of ['check-tarballs', 'check-installs']) {
  step(check, process.execPath, [path.join(root, `tools/check/dist/${check}.js`), dir]);
}
