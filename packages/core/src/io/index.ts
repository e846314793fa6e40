// Files and their bytes: digests, lines, writes that are whole or not there. Exported as @mirror/core/io, for threads that should load no more than that.
export { isSha256, sha256, sha256File } from './digest.ts';
export type { Sha256 } from './digest.ts';
export { diskRoom, watchDiskRoom } from './disk-room.ts';
export type { DiskRoom } from './disk-room.ts';
export { MAX_LINE_BYTES, openJsonlAppender, readJsonLines, readLines } from './jsonl.ts';
export type { JsonLine, JsonlAppender } from './jsonl.ts';
export { makeDirectory } from './make-directory.ts';
export { createReadBuffer } from './read-buffer.ts';
export { renameOver } from './rename-over.ts';
export { syncFolder, syncFolderSync } from './sync-folder.ts';
export { writeAll } from './write-all.ts';
export { createVerifiedWriter, mtimeUsOf } from './write-verified.ts';
export type { Expected, FlushPolicy, VerifiedWrite, VerifiedWriter, WrittenFile } from './write-verified.ts';
