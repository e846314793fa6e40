import type { HashedFile } from './hash-file.ts';
import type { SymlinkPolicy } from './inventory.ts';
import type { ProblemReason } from './problem.ts';
import { tomlString, tomlTime } from './toml-text.ts';
import type { TreePath } from './tree-path.ts';

/** The version of the format that is written and read: see docs/formats/report.md. */
export const REPORT_SCHEMA_VERSION = 1;

/** What a report says of the whole directory, before the list of what is in it. */
export interface ReportHeader {
  readonly directory: {
    /** The directory's own name, without what is above it. */
    readonly name: string;
    readonly totalFiles: number;
    /** Directories below it, itself not counted. */
    readonly totalDirectories: number;
    /** Sum of the files' sizes. */
    readonly totalSizeBytes: number;
    /** When the inventory was made: RFC 3339, UTC. */
    readonly inventoryDate: string;
    /** What was done with symbolic links. */
    readonly symlinks: SymlinkPolicy;
    /** Which kinds of problem were left out, so that they are not in the report. */
    readonly skipped: readonly ProblemReason[];
    /** Outputs of the run that lay inside the directory, and were left out. */
    readonly excluded: readonly TreePath[];
    /** Patterns of what was left out: see left-out.ts. Reports until 0.1 have none. */
    readonly excludedGlobs?: readonly string[];
    /** SHA-256 of the paths of all directories, each with a NUL behind it; reports until 0.1 have none. */
    readonly directoriesSha256?: string;
  };
  /** Digest of the directory by the name of the algorithm, in report order. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Who signs the report; undefined when it is not signed. */
  readonly signature: ReportSignature | undefined;
}

/** Where the signature of a report is, and whose it is. */
export interface ReportSignature {
  /** Name of the detached signature beside the report. */
  readonly file: string;
  /** Name of the public key beside the report. */
  readonly publicKey: string;
  /** Fingerprint of the primary key, in lower-case hex. */
  readonly fingerprint: string;
}

/** One thing in the directory. */
export type ReportEntry =
  | {
      readonly kind: 'file';
      readonly path: TreePath;
      readonly size: number;
      readonly modifiedNs: bigint;
      /** By the name of the algorithm, in report order. */
      readonly hashes: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'symlink'; readonly path: TreePath; readonly target: string }
  | {
      readonly kind: 'problem';
      readonly path: TreePath;
      readonly reason: ProblemReason;
      readonly detail: string;
      /** Whether the user let it be passed over, so that it is no failure. Reports until 0.1 do not list what was. */
      readonly skipped?: true;
    };

/** The text of the part before the entries. */
export function formatHeader({ directory, hashes, signature }: ReportHeader): string {
  const lines = [
    `schema_version = ${String(REPORT_SCHEMA_VERSION)}`,
    '',
    '[directory]',
    `name = ${tomlString(directory.name)}`,
    `total_files = ${String(directory.totalFiles)}`,
    `total_directories = ${String(directory.totalDirectories)}`,
    `total_size_bytes = ${String(directory.totalSizeBytes)}`,
    `inventory_date = ${directory.inventoryDate}`,
    `symlinks = ${tomlString(directory.symlinks)}`,
    `skipped = [${directory.skipped.map(tomlString).join(', ')}]`,
    `excluded = [${directory.excluded.map(tomlString).join(', ')}]`,
    ...(directory.excludedGlobs === undefined
      ? []
      : [`excluded_globs = [${directory.excludedGlobs.map(tomlString).join(', ')}]`]),
    ...(directory.directoriesSha256 === undefined ? [] : [`directories_sha256 = "${directory.directoriesSha256}"`]),
    '',
    '[hashes]',
    ...[...hashes].map(([name, hex]) => `${name} = "${hex}"`),
    '',
    '[signature]',
    ...signatureLines(signature),
  ];
  return `${lines.join('\n')}\n`;
}

/** The text of the entry of a file, whose digests are in the order of the algorithms' `names`. Begins with an empty line. */
export function formatFile({ path, size, modifiedNs, digests }: HashedFile, names: readonly string[]): string {
  let text = `\n[files.${tomlString(path)}]\nsize = ${String(size)}\nmodified = ${tomlTime(modifiedNs)}\n`;
  for (const [i, name] of names.entries()) text += `hashes.${name} = "${digests[i]!}"\n`;
  return text;
}

/** The text of any other entry, beginning with an empty line. */
export function formatEntry(entry: Exclude<ReportEntry, { kind: 'file' }>): string {
  const path = tomlString(entry.path);
  switch (entry.kind) {
    case 'symlink':
      return `\n[symlinks.${path}]\ntarget = ${tomlString(entry.target)}\n`;
    case 'problem':
      return `\n[problems.${path}]\nreason = "${entry.reason}"\ndetail = ${tomlString(entry.detail)}\n${entry.skipped === true ? 'skipped = true\n' : ''}`;
  }
}

function signatureLines(signature: ReportSignature | undefined): string[] {
  if (signature === undefined) return ['type = "none"'];
  return [
    'type = "openpgp"',
    `file = ${tomlString(signature.file)}`,
    `public_key = ${tomlString(signature.publicKey)}`,
    `fingerprint = "${signature.fingerprint}"`,
  ];
}
