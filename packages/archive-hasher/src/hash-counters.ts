/** Places in the memory that all threads count in. */
export const BYTES_READ = 0;
/** Files that went into the archive. */
export const PACKED = 1;
