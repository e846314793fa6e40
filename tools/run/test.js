// `npm test`: set up, compile, run every test, and close with one line that counts them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root, setUp } from './setup.js';

setUp();
const scratch = mkdtempSync(path.join(os.tmpdir(), 'mirror-test-'));
const report = path.join(scratch, 'report.json');
const jest = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--no-warnings',
    path.join(root, 'node_modules/jest/bin/jest.js'),
    '--json',
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 2, 2] },
);

let summary;
try {
  summary = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  console.error(`the test runner left no report (${jest.signal ?? `status ${jest.status}`})`);
  process.exit(jest.status || 1);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const skipped = summary.testResults
  .flatMap((file) => file.assertionResults)
  .filter((test) => test.status === 'pending')
  .map((test) => test.fullName);
if (skipped.length > 0) {
  console.log(
    `\nSkipped here (a tool that judges is not installed):\n${skipped.map((name) => `  ${name}`).join('\n')}\n`,
  );
}
// a suite that does not even load has no tests of its own: it counts as one failure
const failed = summary.numFailedTests + summary.numRuntimeErrorTestSuites;
console.log(`${summary.numPassedTests} passed, ${failed} failed, ${summary.numPendingTests} skipped`);
process.exitCode = failed > 0 || summary.numPassedTests === 0 ? 1 : (jest.status ?? 1);
