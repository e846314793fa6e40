import type { IndexSource } from './index-source.ts';

/** No honest one is larger. */
const MAX_BYTES = 64 << 10;

/**
 * Whether `config.json` of a registry lies at the top: the file that says where its crate files are.
 *
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration
 */
export function hasRegistryConfig(source: IndexSource): boolean {
  if (source.existing(['config.json']).length === 0) return false;
  const file = source.open('config.json');
  try {
    const bytes = Buffer.alloc(MAX_BYTES);
    const config: unknown = JSON.parse(bytes.toString('utf8', 0, file.read(bytes, 0, MAX_BYTES)));
    return typeof config === 'object' && config !== null && 'dl' in config && typeof config.dl === 'string';
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  } finally {
    file.close();
  }
}
