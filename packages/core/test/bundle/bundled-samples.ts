import { scratchDir } from '@mirror-tools/test-support';
import path from 'node:path';
import { createBundleWriter } from '../../dist/index.js';
import { noise, sampleFile, sampleFiles, type SampleFile } from './sample-files.ts';

export const frameBytes = 64 * 1024;

export const files = [
  ...sampleFiles(80, 60_000),
  sampleFile('large', noise(1, 300_000)),
  sampleFile('empty', Buffer.alloc(0)),
  ...textFiles(200),
];

export function textFiles(count: number): SampleFile[] {
  return Array.from({ length: count }, (_, number) =>
    sampleFile(`t/${number}.json`, Buffer.from(JSON.stringify({ number, text: 'abc '.repeat(number) }))),
  );
}

export async function bundled(
  list: readonly SampleFile[],
  options: { targetBytes?: number; frameBytes?: number } = {},
): Promise<string> {
  const dir = scratchDir();
  const writer = await createBundleWriter({ dir, frameBytes, ...options });
  for (const file of list) await writer.add(file);
  await writer.close();
  return path.join(dir, 'bundle-0000.tar.zst');
}
