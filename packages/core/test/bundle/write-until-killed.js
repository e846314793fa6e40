// Writes the sample files into bundles, in order, flushing now and then; prints how many are durable after each flush.
// With HOLD it waits for its end after so many files, however late the one who shall kill it gets a turn.
// usage: node write-until-killed.js DIR COUNT [HOLD]
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { createBundleWriter } from '../../dist/index.js';

const [dir, count, hold] = process.argv.slice(2);
const writer = await createBundleWriter({ dir, frameBytes: 64 * 1024, targetBytes: 2 * 1024 * 1024 });
for (let number = 0; number < Number(count); number += 1) {
  if (hold !== '' && number === Number(hold)) await pause(2 ** 31 - 1);
  const body = bodyOf(number);
  const sha256 = createHash('sha256').update(body).digest('hex');
  await writer.add({
    path: `k/il/kill-${number}.crate`,
    name: `kill-${number}`,
    vers: '1.0.0',
    size: body.length,
    sha256,
    body: number % 3 === 0 ? inPieces(body) : body,
  });
  if (number % 11 !== 0) continue;
  await writer.flush();
  process.stdout.write(`${number + 1}\n`);
}
await writer.close();
process.stdout.write(`${count}\nclosed\n`);

/** Some files are empty, most are small, every fortieth spans several frames. */
function bodyOf(number) {
  const size = number % 40 === 39 ? 300_000 : (number * 7919) % 30_000;
  const pieces = [];
  for (let block = 0; block * 64 < size; block += 1)
    pieces.push(createHash('sha512').update(`${number}:${block}`).digest());
  return Buffer.concat(pieces).subarray(0, size);
}

function inPieces(body) {
  return async function* () {
    for (let at = 0; at < body.length; at += 50_000) yield body.subarray(at, at + 50_000);
  };
}
