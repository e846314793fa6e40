import type { EngineName, GitEngine } from './git/engine.ts';
import type { GitLogin } from './git/git-login.ts';
import { createPackEngine, type PackEngineOptions } from './git/pack-engine.ts';

/** What any of the engines needs. */
export interface EngineOptions extends PackEngineOptions {
  /** For the system engine: its environment, who it is to the server, and certificates it shall trust too. */
  readonly login?: GitLogin | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly caFile?: string | undefined;
}

/** The engine of that name, loaded when it is asked for. */
export async function createEngine(name: EngineName, options: EngineOptions): Promise<GitEngine> {
  if (name === 'pack') return createPackEngine(options);
  if (name === 'system') return (await import('./git/system-engine.ts')).createSystemEngine(options);
  const { createIsomorphicEngine } = await import('./git/isomorphic-engine.ts');
  return createIsomorphicEngine(options);
}
