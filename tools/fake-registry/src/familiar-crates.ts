import { dependencyOn, versionOf } from './version-plan.ts';
import type { CratePlan } from './version-plan.ts';

/** A few crates with the names of well-known ones, so that what documentation says about those can be tried. */
export function familiarCrates(): CratePlan[] {
  return [
    crate('itoa', '1.0.11'),
    crate('serde', '1.0.0', '1.0.147', '1.0.200', '1.0.219'),
    crate('rand', '0.8.5', '0.9.1'),
    crate('ring', '0.16.20', '0.17.8'),
    crate('openssl', '0.10.64'),
    crate('tokio', '0.2.25', '1.0.0', '1.38.0', '1.45.1'),
    crate('tokio-util', '0.7.11'),
    crate('web-sys', '0.3.69'),
    crate('windows-sys', '0.59.0'),
    {
      name: 'serde_json',
      versions: ['1.0.117', '1.0.140'].map((vers) =>
        versionOf('serde_json', vers, { deps: [dependencyOn('itoa', '1.0.11'), dependencyOn('serde', '1.0.147')] }),
      ),
    },
  ];
}

function crate(name: string, ...versions: readonly string[]): CratePlan {
  return { name, versions: versions.map((vers) => versionOf(name, vers)) };
}
