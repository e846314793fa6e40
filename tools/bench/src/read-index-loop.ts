import { readIndexFiles } from '@mirror/core';

// read-index-loop.js DIR THREADS: nothing but the reading, every entry touched
const [dir = '.', threads = '1'] = process.argv.slice(2);
let versions = 0;
for await (const { entries } of readIndexFiles(dir, { threads: Number(threads) })) versions += entries.length;
process.stdout.write(`${versions}\n`);
