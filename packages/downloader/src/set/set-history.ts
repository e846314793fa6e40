import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, isSha256, openJsonlAppender, readJsonLines } from '@mirror/core';
import type { Sha256 } from '@mirror/core';
import { OWN_FOLDER } from '../own-folder.ts';
import type { SetDescription } from './set-file.ts';

/** A line of `.mirror/sets.jsonl`: a set that a mirror gave or took. */
export interface SetEvent {
  readonly event: 'exported' | 'imported';
  readonly id: Sha256;
  readonly base: Sha256 | null;
}

/**
 * The sets that the mirror in `out` gave and took, oldest first.
 *
 * @throws {MirrorError} ERR_INTEGRITY for a line that is none: what was imported cannot be guessed
 */
export async function readSetHistory(out: string): Promise<SetEvent[]> {
  const file = historyFile(out);
  if (!existsSync(file)) return [];
  const events: SetEvent[] = [];
  for await (const line of readJsonLines(createReadStream(file))) {
    const { event, id, base } = Object(line.ok ? line.value : undefined) as Partial<SetEvent>;
    if ((event !== 'exported' && event !== 'imported') || !isSha256(id) || (base !== null && !isSha256(base)))
      throw new MirrorError(
        'ERR_INTEGRITY',
        `${file}:${String(line.line)}: expected a set that was exported or imported`,
      );
    events.push({ event, id, base });
  }
  return events;
}

/** Note that the mirror in `out` gave or took `set`. Durable when it returns. */
export function noteSet(out: string, event: SetEvent['event'], { id, base, createdAt }: SetDescription): void {
  const file = historyFile(out);
  mkdirSync(path.dirname(file), { recursive: true });
  const appender = openJsonlAppender(file);
  appender.append([{ schema_version: 1, event, id, base, created_at: createdAt, at: new Date().toISOString() }]);
  appender.close();
}

/** Where a mirror keeps what the set `id` that it exported brought the receiver to. */
export function setStateFile(out: string, id: Sha256): string {
  return path.join(out, OWN_FOLDER, 'sets', `${id}.jsonl`);
}

function historyFile(out: string): string {
  return path.join(out, OWN_FOLDER, 'sets.jsonl');
}
