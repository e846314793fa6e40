import { silentLog } from '../log.ts';
import type { Log } from '../log.ts';
import { CRATES_IO_BASE_URL, CRATE_URL_MARKERS, createCrateUrl } from './crate-url.ts';
import { withoutCredentials } from '../net/redact.ts';
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

/**
 * Where crate files are, for `createCrateUrl`: what the user names, else what the index says. Only the index of crates.io itself (or one that
 * does not say) means static.crates.io: names of a private registry are nobody else's business. A difference between the two is
 * told once.
 *
 * @param given - what `--crates-base-url` says
 * @throws {MirrorError} ERR_CONFIG for an address that is none; ERR_IO when `indexDir` does not exist or cannot be read
 */
export function cratesBasesOf(
  indexDir: string | undefined,
  given: readonly string[],
  log: Log = silentLog,
): readonly string[] {
  given.forEach(createCrateUrl); // a flag that makes no sense is told before anything is read
  const dl = indexDir === undefined ? undefined : registryDl(indexDir);
  const own = dl === undefined || CRATES_IO_DL.test(dl) ? CRATES_IO_BASE_URL : baseOfDl(dl);
  if (given.length === 0) {
    if (own !== CRATES_IO_BASE_URL)
      log.info('crate files are where the index says', { dl: withoutCredentials(dl ?? '') });
    return [own];
  }
  if (dl !== undefined && own !== CRATES_IO_BASE_URL && !given.some((base) => sameBase(base, own)))
    log.info('crate files are asked for elsewhere than the index says', { dl: withoutCredentials(dl) });
  return given;
}

/** As cargo reads it: without any marker, the rest of the path is added. */
function baseOfDl(dl: string): string {
  const hasMarker = CRATE_URL_MARKERS.some((marker) => dl.includes(`{${marker}}`));
  return hasMarker ? dl : `${dl.replace(/\/+$/, '')}/{crate}/{version}/download`;
}

function sameBase(a: string, b: string): boolean {
  return a.replace(/\/+$/, '') === b.replace(/\/+$/, '');
}

/** Its own today, and those of its old indexes. */
const CRATES_IO_DL = /^https:\/\/(?:static\.|index\.)?crates\.io(?:\/|$)/;
