import type { IndexSource } from './index-source.ts';
import { locateIndexSource, openIndexSource } from './index-source.ts';

/** No honest one is larger. */
const MAX_BYTES = 64 << 10;

/**
 * Where the index in `dir` says that its crate files are: an address, or a template with cargo's markers. Undefined when it does not say.
 *
 * @throws {MirrorError} ERR_IO when `dir` does not exist or cannot be read
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration
 */
export function registryDl(dir: string): string | undefined {
  return dlOf(openIndexSource(locateIndexSource(dir)));
}

/** The `dl` of the `config.json` that lies at the top of a registry's index; undefined when there is none. */
export function dlOf(source: IndexSource): string | undefined {
  if (source.existing(['config.json']).length === 0) return undefined;
  const file = source.open('config.json');
  try {
    const bytes = Buffer.alloc(MAX_BYTES);
    const config: unknown = JSON.parse(bytes.toString('utf8', 0, file.read(bytes, 0, MAX_BYTES)));
    if (typeof config !== 'object' || config === null || !('dl' in config)) return undefined;
    return typeof config.dl === 'string' ? config.dl : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    file.close();
  }
}
