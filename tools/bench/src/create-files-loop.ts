import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';

// Creates files of one size at the paths of a list, each under a temporary name first: create-files-loop.js LIST OUT BYTES
const [list = '', out = '', bytes = ''] = process.argv.slice(2);
const content = Buffer.alloc(Number(bytes), 'x');
const made = new Set<string>();
for (const file of readFileSync(list, 'utf8').trimEnd().split('\n')) {
  const place = path.join(out, file);
  const folder = path.dirname(place);
  if (!made.has(folder)) mkdirSync(folder, { recursive: true });
  made.add(folder);
  const fd = openSync(`${place}.part`, 'wx');
  writeSync(fd, content);
  closeSync(fd);
  renameSync(`${place}.part`, place);
}
