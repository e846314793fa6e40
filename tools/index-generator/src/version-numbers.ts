import type { Random } from './random.ts';

// Shares measured in the crates.io index of February 2025.
const PRE_RELEASE = 0.06;
const BUILD = 0.0101;
const BUILD_TWIN = 0.0005;

/** `count` version numbers of one crate, rising, none twice; some with a pre-release or build part, some that differ only in that. */
export function* versionNumbers(random: Random, count: number): Generator<string> {
  let [major, minor, patch] = random.chance(0.2) ? [1, 0, 0] : [0, 1, 0];
  let pre = '';
  for (let made = 0; made < count;) {
    const core = `${major}.${minor}.${patch}`;
    pre = nextPreRelease(random, pre);
    const build = random.chance(BUILD) ? buildPart(random, made) : '';
    yield core + pre + build;
    made += 1;
    if (made < count && random.chance(BUILD_TWIN)) {
      yield `${core}${pre}+twin.${made}`;
      made += 1;
    }
    if (pre !== '') continue; // the release of this number is still to come
    const draw = random.next();
    if (draw < 0.68) patch += 1;
    else if (draw < 0.95) [minor, patch] = [minor + 1, 0];
    else [major, minor, patch] = [major + 1, 0, 0];
  }
}

/** After `-beta.2` comes `-beta.3` or the release. */
function nextPreRelease(random: Random, last: string): string {
  if (last === '') return random.chance(PRE_RELEASE / 2) ? `-${random.pick(['alpha', 'beta', 'rc', 'dev'])}.1` : '';
  if (random.chance(0.5)) return '';
  const [tag, number] = last.split('.');
  return `${tag}.${Number(number) + 1}`;
}

function buildPart(random: Random, made: number): string {
  return `+${random.pick(['upstream', 'git', 'build', 'v', 'api'])}.${made}.${random.below(10)}`;
}
