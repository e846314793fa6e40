import {
  MirrorError,
  NO_ENTRIES,
  createFramePacker,
  createLocalStorage,
  hasShared,
  messageOf,
  sha256,
  systemCodeOf,
} from '@mirror/core';
import type { CrateId, FramePacker, PackedFiles, SharedEntries } from '@mirror/core';
import type { Report, WorkerSetup } from './job.ts';
import { bringUpToDate, openSidecarTree } from './sidecar-tree.ts';
import type { Comparison, SidecarTree } from './sidecar-tree.ts';

/** Takes the sidecars of a job, one after the other. */
export interface SidecarSink {
  /** Whether a sidecar that nobody asks for may be there; otherwise it need not be made. */
  mayHave(file: string): boolean;
  /** Deal with one sidecar and note it in `report`. The bytes are not kept. */
  put(sidecar: NewSidecar, report: Report): void;
  /** A job is done, or a run is to stop. */
  end(): void;
  /** Bytes of sidecars put since the last call of `take`, where they are packed. */
  readonly heldBytes: number;
  /** Hand over what was packed. */
  take(): Promise<PackedFiles[]>;
}

/** A sidecar that was made. */
export interface NewSidecar extends CrateId {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Only of interest where an older one is there already. */
  readonly isKept: boolean;
}

/** The sink for the mode of a run. */
export async function createSidecarSink({ mode, out, bundled, packing }: SinkSetup): Promise<SidecarSink> {
  if (packing !== undefined) return createPackSink(bundled ?? NO_ENTRIES, await createFramePacker(packing));
  if (mode === 'write') return createWriteSink(out);
  return createCheckSink(bundled === undefined ? openSidecarTree(out) : bundledPlace(bundled));
}

/** What a sink has to know of a run. */
export type SinkSetup = Pick<WorkerSetup, 'mode' | 'out' | 'bundled' | 'packing'>;

/** Where sidecars may be. */
type Place = Pick<SidecarTree, 'has' | 'compare'> & Partial<Pick<SidecarTree, 'hasOtherUrl'>>;

/** Whether something else than a sidecar stands where one belongs: one odd item, which stops nothing. */
function isInTheWay(error: unknown): boolean {
  const { cause } = error instanceof MirrorError ? error : {};
  return ['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST', 'ELOOP'].includes(systemCodeOf(cause) ?? '');
}

function bundledPlace(bundled: SharedEntries): Place {
  return {
    has: (file) => hasShared(bundled, file),
    compare: (file, bytes) => compareBundled(bundled, file, sha256(bytes)),
  };
}

function compareBundled(bundled: SharedEntries, file: string, digest: string): Comparison {
  if (hasShared(bundled, file, digest)) return 'same';
  return hasShared(bundled, file) ? 'stale' : 'missing';
}

/** Brings the tree up to date. */
function createWriteSink(out: string): SidecarSink {
  const tree = openSidecarTree(out);
  const { writer } = createLocalStorage(out);
  return {
    ...PACKS_NOTHING,
    mayHave: tree.has,
    put: ({ path, bytes }, { counts, blocked }) => {
      try {
        count(counts, bringUpToDate(tree, writer, path, bytes), bytes.length);
      } catch (error) {
        if (!isInTheWay(error)) throw error;
        counts.blocked += 1;
        blocked.push(messageOf(error));
      }
    },
  };
}

/** Compares with what is there and touches nothing. */
function createCheckSink(place: Place): SidecarSink {
  return {
    ...PACKS_NOTHING,
    mayHave: place.has,
    put: ({ path, bytes, name, vers }, { counts, findings }) => {
      const comparison = place.compare(path, bytes);
      count(counts, comparison, bytes.length);
      if (comparison === 'same') return;
      if (comparison === 'stale' && place.hasOtherUrl?.(path, bytes) === true) counts.urlOnly += 1;
      findings.push({ problem: comparison, path, name, vers });
    },
  };
}
/** Packs what the bundles do not hold. */
function createPackSink(bundled: SharedEntries, packer: FramePacker): SidecarSink {
  let heldBytes = 0;
  return {
    mayHave: (file) => hasShared(bundled, file),
    put: ({ path, name, vers, bytes, isKept }, { counts }) => {
      const size = bytes.length;
      const digest = sha256(bytes);
      const before = compareBundled(bundled, path, digest);
      if (isKept && before === 'missing') return;
      count(counts, before, size);
      packer.add({ path, name, vers, size, sha256: digest, body: bytes }, before === 'same');
      if (before !== 'same') heldBytes += size;
    },
    end: packer.end,
    get heldBytes() {
      return heldBytes;
    },
    take: () => {
      heldBytes = 0;
      return packer.take();
    },
  };
}

/** Note in the numbers of a run how a sidecar compared before the run dealt with it. */
function count(counts: Report['counts'], comparison: Comparison, bytes: number): void {
  counts[comparison === 'same' ? 'unchanged' : comparison] += 1;
  if (comparison !== 'same') counts.bytes += bytes;
}

const PACKS_NOTHING = {
  heldBytes: 0,
  end: (): void => undefined,
  take: (): Promise<PackedFiles[]> => Promise.resolve([]),
};
