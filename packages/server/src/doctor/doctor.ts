import { silentLog } from '@mirror/core';
import type { Log } from '@mirror/core';
import { checkConfig } from './check-config.ts';
import { openCleanRoom } from './clean-room.ts';
import { runCargo } from './run-cargo.ts';
import { openTrap } from './trap.ts';

/** One thing that was tried. */
export interface DoctorStep {
  readonly step: 'index' | 'files' | 'config' | 'add' | 'fetch' | 'build' | 'search' | 'elsewhere';
  /** The crate it was about, if it was about one. */
  readonly crate?: string;
  readonly ok: boolean;
  readonly ms: number;
  /** What failed, in the words of cargo where it was cargo. */
  readonly detail?: string;
  /** Of the crate files together: how many have the promised digest. */
  readonly good?: number;
  /** Of the crate files together: versions without one. */
  readonly missing?: number;
}

/** What is checked, and with what. */
export interface DoctorOptions {
  /** Address of a running mirror, without a slash at its end. */
  readonly url: string;
  /** What to fetch, as `cargo add` takes it: `serde`, `serde@1.0.200`. */
  readonly crates: readonly string[];
  /** Compile as well; default false. */
  readonly isBuilding?: boolean;
  /** Default `cargo`. */
  readonly cargo?: string;
  readonly caFile?: string | undefined;
  readonly timeoutMs?: number;
  /** Whether the mirror itself may be reached by a proxy of `env`; default false. */
  readonly isProxied?: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly log?: Log;
}

/**
 * Let cargo, in an empty home that knows only the mirror, add and fetch each crate in a project of its own, while every proxy setting
 * leads to a port that lets nothing through and takes notes. Yields what was tried as it ends; the last step, `elsewhere`, is ok when nobody
 * but the mirror was asked for. What cargo makes is removed.
 *
 * Programs that ignore proxy settings (build scripts may) are not held back by this.
 *
 * @throws {MirrorError} ERR_CONFIG when there is no cargo; the signal's reason when aborted
 */
export async function* doctor(options: DoctorOptions): AsyncGenerator<DoctorStep> {
  const {
    url,
    crates,
    isBuilding = false,
    cargo = 'cargo',
    caFile,
    timeoutMs = 300_000,
    isProxied = false,
    env,
    signal,
    log = silentLog,
  } = options;
  const trap = await openTrap();
  const room = await openCleanRoom({ mirrorUrl: url, proxyUrl: trap.url, caFile, surroundings: env });
  const attempt = async (
    step: DoctorStep['step'],
    crate: string | undefined,
    args: readonly string[],
    cwd: string,
  ): Promise<DoctorStep> => {
    log.debug('running cargo', { args: args.join(' ') });
    const { isOk, said, ms } = await runCargo(args, { cargo, cwd, env: room.env, timeoutMs, signal });
    return { step, ...(crate === undefined ? {} : { crate }), ok: isOk, ms, ...(isOk ? {} : { detail: said }) };
  };
  try {
    const config = await checkConfig(url, caFile, isProxied ? env : {}, signal);
    yield config.step;
    if (!config.step.ok) return;
    for (const [i, crate] of crates.entries()) {
      const project = await room.project(`p${String(i)}`);
      const added = await attempt('add', crate, ['add', crate], project);
      yield added;
      if (!added.ok) continue;
      const fetched = await attempt('fetch', crate, ['fetch'], project);
      yield fetched;
      if (fetched.ok && isBuilding) yield await attempt('build', crate, ['build', '--locked', '--offline'], project);
    }
    const [first] = crates;
    if (config.hasApi && first !== undefined)
      yield await attempt(
        'search',
        undefined,
        ['search', '--registry', 'mirror', first.split('@')[0] ?? first],
        await room.project('search'),
      );
    const asked = [...trap.asked];
    yield {
      step: 'elsewhere',
      ok: asked.length === 0,
      ms: 0,
      ...(asked.length === 0 ? {} : { detail: `asked for ${asked.join(', ')}` }),
    };
  } finally {
    await room.close();
    await trap.close();
  }
}
