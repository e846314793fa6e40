// The mirror on disk: where files lie, what the records say, who may write. Exported as @mirror/core/mirror, for threads that should load no more than that.
export { fingerprintOf } from './fingerprint.ts';
export type { Fingerprint } from './fingerprint.ts';
export { createFingerprintSet } from './fingerprint-set.ts';
export type { FingerprintSet } from './fingerprint-set.ts';
export { emptyJournal, readJournal } from './journal.ts';
export type { Journal, ReadJournalOptions } from './journal.ts';
export type { JournalFile } from './journal-lines.ts';
export { PART_SUFFIX, createLocalStorage } from './local-storage.ts';
export type { LocalStorage } from './local-storage.ts';
export { acquireLock } from './lock.ts';
export type { Lock, LockOwner, LockWorld } from './lock.ts';
export { whenLockIsLost } from './lost-lock.ts';
export { MANIFEST_SCHEMA_VERSION, formatManifestRecord } from './manifest.ts';
export type { ManifestRecord, ManifestStatus } from './manifest.ts';
export type { ByteRange, PutOptions, Storage, StoredFile } from './storage.ts';
export { LAYOUTS, checkedLayout, layoutPath, parseLayoutPath } from './layout.ts';
export type { Layout } from './layout.ts';
export { unknownUrlPath } from './url-path.ts';
