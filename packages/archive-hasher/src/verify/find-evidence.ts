import { lstatSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { ifThere } from '@mirror/core/errors';
import { ownFiles } from '../output-files.ts';

/** The files that belong to a report. */
export interface Evidence {
  readonly report: string;
  /** Those that are there: `<report>.asc`, and `<report>.<anything>.asc` by further signers. */
  readonly signatures: readonly string[];
  /** `<prefix>.pub.asc`, and `<prefix>.<anything>.pub.asc` of further signers where they are there. */
  readonly publicKeys: readonly string[];
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
  const all = [...new Set(places.flatMap(namesIn))].sort();
  const names = all.filter((name) => name.startsWith(`${base}.`) && name.endsWith('.asc'));
  const further = all.filter((name) => FURTHER_KEY.test(name.slice(prefix.length)) && name.startsWith(`${prefix}.`));
  return {
    report: at(base),
    signatures: names.map(at).filter((file) => !isSpecial(file)),
    publicKeys: [`${prefix}.pub.asc`, ...further].map(at).filter((file) => !isSpecial(file)),
    isUnpublished,
  };
}

function namesIn(dir: string): string[] {
  return ifThere(() => readdirSync(dir)) ?? [];
}

function isFile(file: string): boolean {
  return ifThere(() => lstatSync(file))?.isDirectory() === false;
}

/** Something that was put there to keep its reader waiting, such as a fifo. */
export function isSpecial(file: string): boolean {
  const stat = ifThere(() => statSync(file));
  return stat !== undefined && !stat.isFile();
}

const FURTHER_KEY = /^\.[0-9a-f]{16}\.pub\.asc$/;
