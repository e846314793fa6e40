/** One dependency as an index line has it, keys in that order. */
export interface DependencyPlan {
  /** The name the crate uses for it. */
  readonly name: string;
  readonly req: string;
  readonly features: readonly string[];
  readonly optional: boolean;
  readonly default_features: boolean;
  /** A `cfg(…)` or a target triple; null for every target. */
  readonly target: string | null;
  readonly kind: 'normal' | 'dev' | 'build';
  /** The crate's real name where it is renamed. */
  readonly package?: string;
}

/** What a version is going to be, before its file exists; the fields are those of its index line. */
export interface VersionPlan {
  readonly name: string;
  readonly vers: string;
  readonly deps: readonly DependencyPlan[];
  readonly features: Readonly<Record<string, readonly string[]>>;
  /** Features in the newer syntax (`dep:x`, `x?/y`); the line then carries `"v":2`. */
  readonly features2?: Readonly<Record<string, readonly string[]>>;
  readonly yanked: boolean;
  readonly links?: string;
  readonly rust_version?: string;
  /** `YYYY-MM-DDThh:mm:ssZ`. */
  readonly pubtime?: string;
  /** Fields that no reader knows, written at the end of the line. */
  readonly unknown?: Readonly<Record<string, unknown>>;
}

/** A crate and its versions in the order of publication. */
export interface CratePlan {
  readonly name: string;
  readonly versions: readonly VersionPlan[];
}

/** A normal dependency on any compatible version of `vers`, with every default. */
export function dependencyOn(name: string, vers: string, more: Partial<DependencyPlan> = {}): DependencyPlan {
  const plain = { name, req: `^${vers}`, features: [], optional: false, default_features: true, target: null };
  return { ...plain, kind: 'normal', ...more };
}

/** A version without dependencies or features, and what `more` adds to it. */
export function versionOf(name: string, vers: string, more: Partial<VersionPlan> = {}): VersionPlan {
  return { name, vers, deps: [], features: {}, yanked: false, ...more };
}
