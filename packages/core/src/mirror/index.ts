// The mirror on disk: where files lie, what the records say, who may write. Exported as @mirror/core/mirror, for threads that should load no more than that.
export { createFingerprintSet, fingerprintOf } from './fingerprint-set.ts';
export type { Fingerprint, FingerprintSet } from './fingerprint-set.ts';
export { emptyJournal, readJournal } from './journal.ts';
export type { Journal, JournalFile } from './journal.ts';
export { PART_SUFFIX, createLocalStorage } from './local-storage.ts';
export type { LocalStorage } from './local-storage.ts';
export { acquireLock } from './lock.ts';
export type { Lock, LockOwner } from './lock.ts';
export { MANIFEST_SCHEMA_VERSION, formatManifestRecord } from './manifest.ts';
export type { ManifestRecord, ManifestStatus } from './manifest.ts';
export type { ByteRange, PutOptions, Storage, StoredFile } from './storage.ts';
export { LAYOUTS, checkedLayout, layoutPath, parseLayoutPath } from './layout.ts';
export type { Layout } from './layout.ts';
export { unknownUrlPath } from './url-path.ts';
