// `node tools/run/unpublished.js DIR`: the line `unpublished=A.tgz B.tgz` for the tarballs in DIR whose version the registry does not have, in the order
// in which they are to be published. Any other answer of the registry than yes or no is an error.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

const [dir = 'tarballs'] = process.argv.slice(2);
const tarballs = readdirSync(dir)
  .filter((file) => file.endsWith('.tgz'))
  // core first: the others depend on it
  .sort((a, b) => Number(b.startsWith('mirror-core-')) - Number(a.startsWith('mirror-core-')) || (a < b ? -1 : 1));
console.log(`unpublished=${tarballs.filter((file) => !isPublished(file)).join(' ')}`);

function isPublished(file) {
  const manifest = execFileSync('tar', ['-xzOf', path.join(dir, file), 'package/package.json'], { encoding: 'utf8' });
  const { name, version } = JSON.parse(manifest);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status, stdout, stderr } = spawnSync(npm, ['view', `${name}@${version}`, 'version', '--json'], {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return stdout.includes(version);
  if (/E404/.test(stdout + stderr)) return false;
  throw new Error(`npm view ${name}@${version} ended with ${status}: ${stderr}`);
}
