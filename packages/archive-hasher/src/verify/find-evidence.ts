import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ifThere } from '@mirror/core/errors';
import { ownFiles } from '../output-files.ts';

/** The files that belong to a report. */
export interface Evidence {
  readonly report: string;
  /** Those that are there: `<report>.asc`, and `<report>.<anything>.asc` by further signers. */
  readonly signatures: readonly string[];
  readonly publicKey: string;
  /** Whether they lie where a run has finished them that was ended before they got their names: see publish/stage.ts. */
  readonly isUnpublished: boolean;
}

/** Find what belongs to the report `named`: beside it, or where an ended run has left the evidence that takes its place. */
export function findEvidence(named: string): Evidence {
  const [dir, base] = [path.dirname(named), path.basename(named)];
  const prefix = base.replace(/\.toml$/, '');
  const { finished } = ownFiles(dir, prefix);
  const isUnpublished = isFile(path.join(finished, base));
  const places = isUnpublished ? [finished, dir] : [dir];
  const at = (name: string): string => {
    const files = places.map((place) => path.join(place, name));
    return files.find(isFile) ?? files.at(-1)!;
  };
  const names = new Set(places.flatMap(namesIn).filter((name) => name.startsWith(`${base}.`) && name.endsWith('.asc')));
  return {
    report: at(base),
    signatures: [...names].sort().map(at),
    publicKey: at(`${prefix}.pub.asc`),
    isUnpublished,
  };
}

function namesIn(dir: string): string[] {
  return ifThere(() => readdirSync(dir)) ?? [];
}

function isFile(file: string): boolean {
  return ifThere(() => lstatSync(file))?.isDirectory() === false;
}
