import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createBundleWriter } from '@mirror/core/bundle';

// Packs the files of a list into bundles: pack-files-loop.js LIST FILES OUT LEVEL
const [list = '', files = '', out = '', level = ''] = process.argv.slice(2);
const writer = await createBundleWriter({ dir: out, level: Number(level) });
let added: Promise<unknown>[] = [];
for (const line of readFileSync(list, 'utf8').trimEnd().split('\n')) {
  const file = JSON.parse(line) as { path: string; name: string; vers: string; size: number; sha256: string };
  added.push(writer.add({ ...file, body: { file: path.join(files, file.path) } }));
  if (added.length < 2000) continue;
  await Promise.all(added.slice(0, 1000));
  added = added.slice(1000);
}
await Promise.all(added);
await writer.close();
