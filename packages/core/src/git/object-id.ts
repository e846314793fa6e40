import { createHash } from 'node:crypto';

/** The four kinds of git object. */
export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';

/** What a git object holds. */
export interface GitObject {
  readonly type: ObjectType;
  readonly data: Buffer;
}

/** Kinds by their number in a pack; the numbers 6 and 7 are deltas. */
export const OBJECT_TYPES: readonly (ObjectType | undefined)[] = [undefined, 'commit', 'tree', 'blob', 'tag'];

/** Whether `text` is the name of a SHA-1 object: 40 lower-case hex digits. */
export function isObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** The SHA-1 that names an object, as 20 bytes. */
export function hashObject(type: ObjectType, data: Uint8Array): Buffer {
  return createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest();
}
