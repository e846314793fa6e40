/** One member of an archive. */
export interface Member {
  /** The name as bytes, `/` between the parts, and at the end of a directory's. */
  readonly name: Buffer;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Bytes of content of a file; 0 for anything else. */
  readonly size: number;
  /** Where a symbolic link leads. */
  readonly target?: Buffer;
  /** Whether a file may be run. */
  readonly executable?: boolean;
}

/**
 * How a kind of archive is laid out. A member is a head, the content, and a tail; a head can be written after the content
 * is known, since its length does not depend on it. Archives carry no times, owners or permissions but the executable
 * bit, so that the same tree gives the same bytes.
 */
export interface ArchiveFormat {
  /** Length of what stands before the content. */
  headLength(member: Member): number;
  /** What stands before the content, which has this CRC-32 (0 where there is none); the head itself begins at `offset`. */
  head(member: Member, crc32: number, offset: number): Buffer;
  /** What stands behind the content. */
  tail(member: Member): Buffer;
  /** What ends an archive whose members end at `offset`. */
  end(offset: number): Iterable<Buffer>;
}

/** The permissions that a member has in an archive, in the form of Unix. */
export function modeOf({ kind, executable = false }: Member): number {
  if (kind === 'symlink') return 0o777;
  return kind === 'directory' || executable ? 0o755 : 0o644;
}
