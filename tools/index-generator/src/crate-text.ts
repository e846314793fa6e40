import type { Random } from './random.ts';
import { POPULAR } from './crate-names.ts';
import { versionNumbers } from './version-numbers.ts';

/** How large a crate is. */
export interface CrateShape {
  readonly versions: number;
  /** Dependencies of its first version. */
  readonly dependencies: number;
  /** Entries of `features`. */
  readonly features: number;
}

/** What was written of a crate. */
export interface CrateText {
  /** The index file, each line ended by `\n`; ASCII. */
  readonly text: string;
  readonly versions: number;
  readonly yanked: number;
  /** Versions with build metadata. */
  readonly plus: number;
  /** Lines with `features2`. */
  readonly v2: number;
  /** Longest line in bytes, without its end. */
  readonly longestLine: number;
}

// Shares measured in the crates.io index of February 2025; pubtime came later and is filled in bit by bit.
const YANKED = 0.0543;
const NEW_FEATURES = 0.0714;
const RUST_VERSION = 0.16;
const LINKS = 0.012;
const PUBTIME = 0.3;
/** No file becomes longer than this, so that the planted one stays the longest. */
const LONGEST_FILE = 3_700_000;

/** A crate's shape as most have it: many small ones, a few very large. */
export function drawShape(random: Random): CrateShape {
  const versions = Math.min(1_000, Math.max(1, Math.round(random.lognormal(2.55, 1.52))));
  const dependencies = Math.min(300, Math.floor(random.lognormal(6.4, 0.97)));
  const features = random.chance(0.55) ? 0 : Math.min(300, Math.ceil(random.lognormal(3.2, 1.15)));
  return { versions, dependencies, features };
}

/** The index file of a crate. Dependencies and features change little from one version to the next, as they do in life. */
export function crateText(random: Random, name: string, shape: CrateShape): CrateText {
  const dependencies = Array.from({ length: shape.dependencies }, () => drawDependency(random));
  const links = random.chance(LINKS) ? `,"links":"${name.toLowerCase()}"` : '';
  const isModern = random.chance(RUST_VERSION * 1.5);
  const isNewStyle = random.chance(NEW_FEATURES * 1.5);
  let publishedMs = Date.UTC(2015, 4, 15) + random.below(3_400) * 86_400_000;
  let features = drawFeatures(random, shape.features);
  let joined = dependencies.join(',');
  const counts = { versions: 0, yanked: 0, plus: 0, v2: 0, longestLine: 0 };
  let text = '';

  for (const vers of versionNumbers(random, shape.versions)) {
    if (dependencies.length > 0 && random.chance(0.3)) {
      dependencies[random.below(dependencies.length)] = drawDependency(random);
      joined = dependencies.join(',');
    }
    if (random.chance(0.03)) features = drawFeatures(random, shape.features);
    const isYanked = random.chance(YANKED);
    const hasFeatures2 = isNewStyle && random.chance(1 / 1.5);
    publishedMs += random.below(90 * 86_400) * 1_000;
    const line =
      `{"name":"${name}","vers":"${vers}","deps":[${joined}],"cksum":"${random.digest()}","features":{${features}}` +
      (hasFeatures2 ? ',"features2":{"full":["dep:serde","rand?/std"]}' : '') +
      `,"yanked":${isYanked}${links}` +
      (isModern && random.chance(1 / 1.5) ? ',"rust_version":"1.70"' : '') +
      (random.chance(PUBTIME) ? `,"pubtime":"${timeText(publishedMs)}"` : '') +
      (hasFeatures2 ? ',"v":2}' : '}');
    if (text.length + line.length > LONGEST_FILE) break;
    text += `${line}\n`;
    counts.versions += 1;
    counts.yanked += Number(isYanked);
    counts.plus += Number(vers.includes('+'));
    counts.v2 += Number(hasFeatures2);
    counts.longestLine = Math.max(counts.longestLine, line.length);
  }
  return { text, ...counts };
}

function drawDependency(random: Random): string {
  const name = random.pick(POPULAR);
  const req = `^${random.below(3)}.${random.below(20)}${random.chance(0.6) ? `.${random.below(200)}` : ''}`;
  const features = random.chance(0.3)
    ? random.pick(['"derive"', '"full"', '"std","alloc"', '"macros","rt-multi-thread"'])
    : '';
  const kind = random.pick(['normal', 'normal', 'normal', 'normal', 'dev', 'build']);
  const target = random.chance(0.07)
    ? random.pick(['"cfg(windows)"', '"cfg(target_arch = \\"wasm32\\")"', '"cfg(unix)"'])
    : 'null';
  const renamed = random.chance(0.01) ? `,"package":"${name}-compat"` : '';
  const flags = `"optional":${random.chance(0.12)},"default_features":${random.chance(0.85)}`;
  return `{"name":"${name}","req":"${req}","features":[${features}],${flags},"target":${target},"kind":"${kind}"${renamed}}`;
}

function drawFeatures(random: Random, count: number): string {
  const entries: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const needs = random.chance(0.5)
      ? `"${random.pick(POPULAR)}"`
      : random.chance(0.5)
        ? `"${random.pick(POPULAR)}/std"`
        : '';
    entries.push(`"${index === 0 ? 'default' : `${random.pick(FEATURE_WORDS)}${index}`}":[${needs}]`);
  }
  return entries.join(',');
}

const FEATURE_WORDS = ['std', 'alloc', 'unstable', 'serde-support', 'tls', 'nightly', 'Win32_System_', 'with-', 'api'];

// Much faster than Date's own text, which would be a tenth of the whole work.
function timeText(ms: number): string {
  const day = Math.floor(ms / 86_400_000);
  if (day !== lastDay.day) {
    lastDay.day = day;
    lastDay.text = new Date(day * 86_400_000).toISOString().slice(0, 11);
  }
  const seconds = Math.floor(ms / 1_000) % 86_400;
  return `${lastDay.text}${two(seconds / 3_600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}Z`;
}

const lastDay = { day: -1, text: '' };

function two(value: number): string {
  const whole = Math.floor(value);
  return whole < 10 ? `0${whole}` : String(whole);
}
