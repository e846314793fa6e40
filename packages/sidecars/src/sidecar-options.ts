import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import type { Layout, Log, SelectionFailure, SelectionOptions } from '@mirror/core';
import type { Counts } from './job.ts';

/** Where sidecars are kept: a file for each, or bundles of them. */
export const SIDECAR_FORMATS = ['files', 'tar.zst'] as const;

/** One of {@link SIDECAR_FORMATS}. */
export type SidecarFormat = (typeof SIDECAR_FORMATS)[number];

/** What generating and checking have in common; everything optional has its default in `SIDECAR_DEFAULTS`. */
export interface SidecarOptions {
  /** A checkout of the index, or any directory in its layout. */
  readonly indexDir: string;
  /** Directory of the sidecars, or of the bundles. */
  readonly out: string;
  readonly layout?: Layout;
  readonly format?: SidecarFormat;
  /** For `crate_url`: a base address, or a template with cargo's markers; default what the index says. */
  readonly cratesBaseUrl?: string;
  /** Which versions; without any, all. */
  readonly selection?: SelectionOptions;
  /** Only the versions that these lines name, as `readList` has them. Read to its end before the work begins. */
  readonly list?: Readable | undefined;
  /** Worker threads. With a limit there is one. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** Told of the numbers so far, a few times a second. */
  readonly onProgress?: (counts: Readonly<Counts>) => void;
  /** Told at the end when the selection asked for something that the index does not have; see `judgeSelection` of core. */
  readonly onUnmet?: (failure: SelectionFailure) => void;
}

/** The defaults; the command line reads them too, so that the help cannot lie. */
export const SIDECAR_DEFAULTS: {
  readonly layout: Layout;
  readonly format: SidecarFormat;
  readonly concurrency: number;
} = { layout: 'shard', format: 'files', concurrency: availableParallelism() };

/** How a run ended. */
export type Completeness = 'complete' | 'incomplete' | 'interrupted';
