import { createLocalStorage, sha256 } from '@mirror/core';
import type { CrateId } from '@mirror/core';
import type { Report, WorkerSetup } from './job.ts';
import { bringUpToDate, openSidecarTree } from './sidecar-tree.ts';
import type { Comparison } from './sidecar-tree.ts';

/** Takes the sidecars of a job, one after the other. */
export interface SidecarSink {
  /** Whether a sidecar that nobody asks for may be there; otherwise it need not be made. */
  mayHave(file: string): boolean;
  /** Deal with one sidecar and note it in `report`. The bytes are not kept. */
  put(sidecar: NewSidecar, report: Report): void;
  /** Bytes held for the next report. */
  readonly heldBytes: number;
  /** Hand over what is held. */
  takeBody(): Uint8Array<ArrayBuffer>;
}

/** A sidecar that was made. */
export interface NewSidecar extends CrateId {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Only of interest where an older one is there already. */
  readonly isKept: boolean;
}

/** The sink for the mode of a run. */
export function createSidecarSink({ mode, out }: Pick<WorkerSetup, 'mode' | 'out'>): SidecarSink {
  switch (mode) {
    case 'write':
      return createWriteSink(out);
    case 'check':
      return createCheckSink(out);
    case 'pack':
      return createPackSink();
  }
}

/** Brings the tree up to date. */
function createWriteSink(out: string): SidecarSink {
  const tree = openSidecarTree(out);
  const { writer } = createLocalStorage(out);
  return {
    ...HOLDS_NOTHING,
    mayHave: tree.has,
    put: ({ path, bytes }, { counts }) => {
      count(counts, bringUpToDate(tree, writer, path, bytes), bytes.length);
    },
  };
}

/** Compares with the tree and touches nothing. */
function createCheckSink(out: string): SidecarSink {
  const tree = openSidecarTree(out);
  return {
    ...HOLDS_NOTHING,
    mayHave: tree.has,
    put: ({ path, bytes, name, vers }, { counts, findings }) => {
      const comparison = tree.compare(path, bytes);
      count(counts, comparison, bytes.length);
      if (comparison !== 'same') findings.push({ problem: comparison, path, name, vers });
    },
  };
}

/** Holds the bytes for the main thread, which packs them. */
function createPackSink(): SidecarSink {
  let body = new Uint8Array(BODY_BYTES);
  let held = 0;
  return {
    mayHave: () => true,
    put: ({ bytes, ...sidecar }, { packed }) => {
      if (held + bytes.length > body.length) {
        const larger = new Uint8Array(2 * (held + bytes.length));
        larger.set(body.subarray(0, held));
        body = larger;
      }
      body.set(bytes, held);
      held += bytes.length;
      packed.push({ ...sidecar, size: bytes.length, sha256: sha256(bytes) });
    },
    get heldBytes() {
      return held;
    },
    takeBody: () => {
      const taken = body.subarray(0, held);
      body = new Uint8Array(BODY_BYTES);
      held = 0;
      return taken;
    },
  };
}

/** Note in the numbers of a run how a sidecar compared before the run dealt with it. */
export function count(counts: Report['counts'], comparison: Comparison, bytes: number): void {
  counts[comparison === 'same' ? 'unchanged' : comparison] += 1;
  if (comparison !== 'same') counts.bytes += bytes;
}

const HOLDS_NOTHING = { heldBytes: 0, takeBody: (): Uint8Array<ArrayBuffer> => new Uint8Array(0) };
/** A little more than is held when a report is sent. */
const BODY_BYTES = 1.25 * 2 ** 20;
