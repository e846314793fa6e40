import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import { dependencyOn, versionOf } from './version-plan.ts';
import type { CratePlan, DependencyPlan, VersionPlan } from './version-plan.ts';

/** A version that others may depend on: stable, never yanked. */
export interface Anchor {
  readonly name: string;
  readonly vers: string;
}

/** What an ordinary crate is drawn from. */
export interface OrdinaryCrateOptions {
  readonly seed: number | string;
  readonly number: number;
  /** The ordinary crates before this one. */
  readonly anchors: readonly Anchor[];
  readonly meanVersions: number;
  readonly isTaken: (name: string) => boolean;
}

// Shares measured in the crates.io index of February 2025.
const YANKED = 0.09; // of the versions after a crate's first: 5.4 % of all
const WITH_BUILD = 0.0177; // likewise: 1.06 % of all
const NEW_FEATURES = 0.07;
const CAPITALS = 0.007;
const PRE_RELEASE = 0.04;
const WITH_PUBTIME = 0.6;
const WITH_RUST_VERSION = 0.16;

/** A crate such as most are: a few versions, a few dependencies on earlier crates. Its first version is an anchor. */
export function ordinaryCrate(options: OrdinaryCrateOptions): CratePlan {
  const random = createRandom(options.seed, 'crate', options.number);
  const name = freeName(random, options.isTaken);
  const count = 1 + Math.floor(-Math.log(1 - random.next()) * Math.max(0, options.meanVersions - 0.5));
  const published = { ms: Date.UTC(2015, 0, 1) + random.below(3_600) * 86_400_000 };
  const versions: VersionPlan[] = [];
  for (const vers of versionNumbers(random, count)) {
    published.ms += 1_000 * random.below(86_400 * 90);
    versions.push(ordinaryVersion(random, name, vers, versions.length === 0, published.ms, options.anchors));
  }
  return { name, versions };
}

function ordinaryVersion(
  random: Random,
  name: string,
  vers: string,
  isAnchor: boolean,
  publishedMs: number,
  anchors: readonly Anchor[],
): VersionPlan {
  const isNewStyle = random.chance(NEW_FEATURES) && anchors.length > 0;
  const deps = dependencies(random, anchors, isNewStyle);
  const optional = deps.find((dependency) => dependency.optional);
  return versionOf(name, vers, {
    deps,
    features: random.chance(0.4) ? { default: ['std'], std: [] } : {},
    ...(isNewStyle && optional !== undefined ? { features2: { extra: [`dep:${optional.name}`] } } : {}),
    yanked: !isAnchor && random.chance(YANKED),
    ...(random.chance(WITH_RUST_VERSION)
      ? { rust_version: random.pick(['1.56', '1.56.1', '1.60', '1.63.0', '1.70']) }
      : {}),
    ...(random.chance(WITH_PUBTIME) ? { pubtime: `${new Date(publishedMs).toISOString().slice(0, 19)}Z` } : {}),
  });
}

// Only the first half of the earlier crates is drawn from, so that chains of dependencies stay short.
function dependencies(random: Random, anchors: readonly Anchor[], needsOptional: boolean): DependencyPlan[] {
  const choice = Math.ceil(anchors.length / 2);
  if (choice === 0) return [];
  const count = Math.max(needsOptional ? 1 : 0, random.below(4));
  const names = new Map<string, DependencyPlan>();
  for (let index = 0; index < count; index += 1) {
    const { name, vers } = anchors[random.below(choice)]!;
    const isOptional = (needsOptional && index === 0) || random.chance(0.15);
    const kind = isOptional ? 'normal' : random.pick(['normal', 'normal', 'normal', 'normal', 'dev', 'build'] as const);
    const target = random.chance(0.08) ? random.pick(['cfg(windows)', 'cfg(unix)', 'cfg(target_os = "macos")']) : null;
    const alias = random.chance(0.04) ? { name: `${name}-alias`, package: name } : {};
    const dependency = dependencyOn(name, vers, { kind, optional: isOptional, target, ...alias });
    if (!names.has(name)) names.set(name, dependency);
  }
  return [...names.values()];
}

function* versionNumbers(random: Random, count: number): Generator<string> {
  const number = random.chance(0.3) ? [1, 0, 0] : [0, 1, 0];
  for (let made = 0; made < count; made += 1) {
    if (made > 0) bump(random, number);
    const pre =
      made > 0 && random.chance(PRE_RELEASE) ? `-${random.pick(['alpha', 'beta', 'rc'])}.${1 + random.below(9)}` : '';
    const build =
      made > 0 && random.chance(WITH_BUILD)
        ? `+${random.pick(['build', 'upstream', 'git'])}.${random.below(1_000)}`
        : '';
    yield number.join('.') + pre + build;
  }
}

function bump(random: Random, number: number[]): void {
  const draw = random.next();
  const place = draw < 0.6 ? 2 : draw < 0.9 ? 1 : 0;
  number[place]! += 1;
  number.fill(0, place + 1);
}

function freeName(random: Random, isTaken: (name: string) => boolean): string {
  let name = drawName(random);
  while (isTaken(name)) name += random.pick(['a', 'e', 'i', 'o', 'u', '2', '3', '-rs', '_sys']);
  return name;
}

function drawName(random: Random): string {
  const parts = Array.from({ length: 1 + random.below(3) }, () => drawWord(random));
  const name = parts.join(random.pick(['-', '-', '_', '']));
  return random.chance(CAPITALS) ? name.charAt(0).toUpperCase() + name.slice(1) : name;
}

function drawWord(random: Random): string {
  const syllable = (): string => random.pick([...'bcdfghjklmnprstvwz']) + random.pick([...'aeiou']);
  return Array.from({ length: 2 + random.below(2) }, syllable).join('');
}
