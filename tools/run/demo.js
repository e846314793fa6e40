// `npm run demo`: set up, compile, and run the main job on the embedded registry.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root, setUp } from './setup.js';

setUp();
const demo = path.join(root, 'tools/demo/dist/bin.js');
const { status } = spawnSync(process.execPath, [demo, ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: process.env.INIT_CWD ?? root,
});
process.exitCode = status ?? 1;
