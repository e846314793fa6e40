/**
 * Where a redirect leads. `target` is the path and query of the request, `otherOrigin` the registry's other port.
 *
 * @param to - `other`, `relative`, `loop`, `file`, `ftp`, or a location to be used as it is
 */
export function redirectTarget(to: string, target: string, otherOrigin: string): string {
  const path = target.split('?', 1)[0] ?? '/';
  switch (to) {
    case 'other':
      return otherOrigin + target;
    case 'relative':
      return `/moved${path}`;
    case 'loop':
      return `${path}?${LOOP}`;
    case 'file':
      return 'file:///etc/hostname';
    case 'ftp':
      return `ftp://127.0.0.1${path}`;
    default:
      return to;
  }
}

/** Whether the request followed a redirect that leads back to itself. */
export function isInLoop(target: string): boolean {
  return target.endsWith(`?${LOOP}`);
}

const LOOP = 'loop=1';
