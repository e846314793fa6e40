import type { ReplacedVersion } from './sync-state.ts';

/** Where versions are noted whose other checksum nobody has accepted yet. */
export interface ReplacedNote {
  replaced(): readonly ReplacedVersion[];
  writeReplaced(versions: readonly ReplacedVersion[]): void;
}

/** Add what was found to the note: the first checksum is the one to compare with; a version that went back to it is none any more. */
export function noteReplaced(note: ReplacedNote, found: readonly ReplacedVersion[]): void {
  if (found.length === 0) return;
  const noted = new Map(note.replaced().map((version) => [`${version.name}@${version.vers}`, version]));
  for (const version of found) {
    const key = `${version.name}@${version.vers}`;
    const previous = noted.get(key)?.previous_cksum ?? version.previous_cksum;
    if (previous === version.cksum) noted.delete(key);
    else noted.set(key, { ...version, previous_cksum: previous });
  }
  note.writeReplaced([...noted.values()]);
}
