import { expect, it } from '@jest/globals';
import { scratchDir } from '@mirror-tools/test-support';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openSteadyFile } from '../dist/verify/steady-file.js';

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += chunk.toString();
  return text;
}

it('another file in its place is not read, and other content is noticed', async () => {
  const dir = scratchDir();
  const name = path.join(dir, 'report');
  writeFileSync(name, 'signed');
  const file = await openSteadyFile(name, 'the report');
  expect(await textOf(file.chunks())).toBe('signed');
  writeFileSync(path.join(dir, 'other'), 'swapped');
  renameSync(path.join(dir, 'other'), name);
  expect(await textOf(file.chunks())).toBe('signed');
  await file.close();

  const again = await openSteadyFile(name, 'the report');
  expect(await textOf(again.chunks())).toBe('swapped');
  writeFileSync(name, 'edited!');
  await expect(textOf(again.chunks())).rejects.toHaveProperty('code', 'ERR_INTEGRITY');
  await again.close();
});
