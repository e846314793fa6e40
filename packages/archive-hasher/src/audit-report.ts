import { algorithmsNamed } from './algorithms.ts';
import { createListingDigests } from './listing.ts';
import type { ReportEntry, ReportHeader } from './report.ts';
import type { Difference } from './verify/compare-item.ts';

/** The directories of a tree. */
export interface FoundDirectories {
  readonly count: number;
  /** As in the header of the report. */
  readonly sha256: string;
}

/** Add up the entries of a report as they pass, to compare the sums with its header. */
export async function createAudit(header: ReportHeader): Promise<{
  watch(entries: AsyncIterable<ReportEntry>): AsyncGenerator<ReportEntry>;
  /** What does not agree; undefined `directories` are not compared. */
  findings(directories: FoundDirectories | undefined): Difference[];
}> {
  const names = [...header.hashes.keys()];
  const listing = await createListingDigests(algorithmsNamed(names));
  let files = 0;
  let bytes = 0;
  let waiting: Parameters<typeof listing.add>[0][number][] = [];
  const flush = (): void => {
    listing.add(waiting);
    waiting = [];
  };
  return {
    async *watch(entries) {
      for await (const entry of entries) {
        if (entry.kind === 'file') {
          files += 1;
          bytes += entry.size;
          waiting.push({ path: entry.path, digests: names.map((name) => entry.hashes.get(name)!) });
          if (waiting.length === 256) flush();
        }
        yield entry;
      }
    },
    findings(directories) {
      flush();
      const { directory, hashes } = header;
      const digests = listing.digests();
      const pairs: [string, string | number, string | number][] = [
        ['total_files', directory.totalFiles, files],
        ['total_size_bytes', directory.totalSizeBytes, bytes],
        ['total_directories', directory.totalDirectories, directories?.count ?? directory.totalDirectories],
        ...directoryNames(directory, directories),
        ...names.map((name, i): [string, string, string] => [`hashes.${name}`, hashes.get(name)!, digests[i]!]),
      ];
      return pairs
        .filter(([, expected, found]) => expected !== found)
        .map(([what, expected, found]) => ({ change: 'report', what, expected, found }));
    },
  };
}

/** Their names are worth a word only where their number agrees. */
function directoryNames(
  { totalDirectories, directoriesSha256 }: ReportHeader['directory'],
  found: FoundDirectories | undefined,
): [string, string, string][] {
  if (directoriesSha256 === undefined || found === undefined || found.count !== totalDirectories) return [];
  return [['directories_sha256', directoriesSha256, found.sha256]];
}
