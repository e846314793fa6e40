import { isCrateName } from '@mirror/core';

/** One dependency of a version, as people read it. */
export interface Dependency {
  /** The crate that is meant. */
  readonly crate: string;
  /** What the version calls it, when that is something else. */
  readonly alias: string | undefined;
  readonly req: string;
  readonly kind: 'normal' | 'build' | 'dev';
  readonly isOptional: boolean;
  /** `cfg(windows)` or a target, when it is not for all. */
  readonly target: string | undefined;
  readonly features: readonly string[];
  readonly hasDefaultFeatures: boolean;
  /** Whether it is in the same registry, so that a page here can be about it. */
  readonly isHere: boolean;
}

/** The dependencies in the `deps` of an index line, in its order. What is not as it should be is left out. */
export function readDependencies(deps: unknown): readonly Dependency[] {
  if (!Array.isArray(deps)) return [];
  return deps.map(readDependency).filter((dependency) => dependency !== undefined);
}

function readDependency(value: unknown): Dependency | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const {
    name,
    package: package_,
    req,
    kind,
    optional,
    target,
    features,
    default_features,
    registry,
  } = value as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || typeof req !== 'string') return undefined;
  const crate = typeof package_ === 'string' ? package_ : name;
  return {
    crate,
    alias: crate === name ? undefined : name,
    req,
    kind: kind === 'dev' || kind === 'build' ? kind : 'normal',
    isOptional: optional === true,
    target: typeof target === 'string' ? target : undefined,
    features: Array.isArray(features) ? features.filter((feature) => typeof feature === 'string') : [],
    hasDefaultFeatures: default_features !== false,
    isHere: isCrateName(crate) && (registry === undefined || registry === null),
  };
}
