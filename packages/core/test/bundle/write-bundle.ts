import { createBundleWriter, type BundleWriterOptions, type NewBundleEntry } from '../../dist/index.js';

export const KiB = 1024;

export const MiB = 1024 * KiB;

/** Small, so that a few files make several frames and bundles. */
export const small = { frameBytes: 64 * KiB, targetBytes: MiB };

export async function write(options: BundleWriterOptions, files: readonly NewBundleEntry[]): Promise<void> {
  const writer = await createBundleWriter(options);
  for (const file of files) await writer.add(file);
  await writer.close();
}
