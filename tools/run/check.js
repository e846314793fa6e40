// `npm run check`: set up, then everything that judges the workspace without running its tests. All of it is run, so that
// one finding does not hide the next; the exit status is 1 when any has something to say.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root, setUp } from './setup.js';

const checks = [
  ['lint', 'eslint/bin/eslint.js', '.'],
  ['format', 'prettier/bin/prettier.cjs', '--check', '.'],
  ['unused code and dependencies', 'knip/bin/knip.js', '--no-progress'],
  ['packed tarballs', '../tools/check/dist/check-tarballs.js'],
  ['installed packages', '../tools/check/dist/check-installs.js'],
  ['workflows', '../tools/check/dist/check-workflows.js'],
];

setUp();
const failed = checks.filter(([title, script, ...args]) => {
  console.error(`==> ${title}`);
  const command = [path.join(root, 'node_modules', script), ...args];
  return spawnSync(process.execPath, command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status !== 0;
});
console.error(failed.length === 0 ? '==> all good' : `==> failed: ${failed.map(([title]) => title).join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
