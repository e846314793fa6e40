import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { checkDamage } from './check-damage.ts';
import { checkEngines } from './check-engines.ts';
import { checkKills } from './check-kills.ts';
import { checkUpdates } from './check-updates.ts';
import type { Course, Step } from './course.ts';
import { startUpstream } from './upstream.ts';

/** What can be looked at, each by itself. */
export const PARTS = ['updates', 'damage', 'kills', 'engines'] as const;
export type Part = (typeof PARTS)[number];

/** How much is done. */
export interface AcceptanceOptions {
  /** A bare repository whose branch `master` has the states; it is only read. */
  readonly repository: string;
  /** Updates by so many commits, one after the other; some hundred commits more are needed for the rest. */
  readonly steps: readonly number[];
  readonly parts: readonly Part[];
  /** Some of `pack`, `isomorphic`, `system`, `sparse`. */
  readonly engines: readonly string[];
  readonly kills: number;
  readonly damages: number;
  readonly isBare: boolean;
  /** Scratch folder; removed when all is well. */
  readonly dir: string;
  readonly say: (text: string) => void;
  /** Ends the run after the step it is at; the report then says that it is not finished. */
  readonly signal?: AbortSignal;
}

/** How it went. */
export interface AcceptanceReport {
  readonly files: number;
  readonly seconds: number;
  /** What was done, how long the product took for it and what it said. */
  readonly steps: readonly Step[];
  /** Empty when every state was what git says it is. */
  readonly problems: readonly string[];
}

const CHECKS: Readonly<Record<Part, (course: Course) => Promise<void>>> = {
  updates: checkUpdates,
  damage: checkDamage,
  kills: checkKills,
  engines: checkEngines,
};

/** Run the parts; never throws for an index that is wrong, but says so in `problems`. */
export async function runAcceptance(options: AcceptanceOptions): Promise<AcceptanceReport> {
  const started = performance.now();
  const dir = path.resolve(options.dir);
  mkdirSync(path.join(dir, 'served'), { recursive: true });
  const upstream = await startUpstream(path.resolve(options.repository), path.join(dir, 'served'));
  const files = upstream.countFiles();
  const steps: Step[] = [];
  const problems: string[] = [];
  const note = (step: Step): void => {
    steps.push(step);
    options.say(`${step.event}: ${step.seconds.toFixed(1)} s ${JSON.stringify(step.result)}`);
    options.signal?.throwIfAborted();
  };
  try {
    for (const part of options.parts) {
      const blame = (event: string, found: readonly string[]): void => {
        for (const problem of found) {
          problems.push(`${part}, ${event}: ${problem}`);
          options.say(`WRONG ${problems.at(-1) ?? ''}`);
        }
      };
      const course: Course = { ...options, dir: path.join(dir, part), upstream, note, blame };
      mkdirSync(course.dir, { recursive: true });
      try {
        await CHECKS[part](course);
      } catch (error) {
        blame('not finished', [(error as Error).message]);
      }
      upstream.tamperWith(undefined);
      if (options.signal?.aborted === true) break;
      if (problems.length === 0) rmSync(course.dir, { recursive: true, force: true });
    }
  } finally {
    await upstream.close();
    if (problems.length === 0) rmSync(dir, { recursive: true, force: true });
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  return { files, seconds, steps, problems };
}
