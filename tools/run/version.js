// `node tools/run/version.js`: turn the notes in .changeset/ into versions and changelogs. Nothing is committed.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { npx, root, step } from './setup.js';

/** The line of changesets that runs on every Node that we do. */
const CHANGESETS = '@changesets/cli@2.31.1';

const notes = readdirSync(path.join(root, '.changeset')).filter((file) => file.endsWith('.md') && file !== 'README.md');
if (notes.length === 0) console.error('==> no notes: nothing to release');
else {
  step(`versions and changelogs from ${notes.length} notes`, npx(), ['-y', CHANGESETS, 'version']);
  const prettier = path.join(root, 'node_modules/prettier/bin/prettier.cjs');
  if (existsSync(prettier)) {
    step('format', process.execPath, [prettier, '--write', '--log-level', 'warn', 'packages/*/CHANGELOG.md']);
  }
}
