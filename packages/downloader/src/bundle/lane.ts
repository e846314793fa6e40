import type { ManifestRecord } from '@mirror/core';

/** The way of a record to the packer. */
export interface Lane {
  /** @param isRecorded - whether the manifest has the record already, without a bundle */
  add(record: ManifestRecord, isRecorded: boolean): void;
  room(): Promise<void>;
  /** Nothing more comes. Pack all that waits, or, when the run is not whole, leave it as it is. */
  end(isWhole: boolean): Promise<void>;
}
