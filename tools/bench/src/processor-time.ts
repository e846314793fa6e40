import { readFileSync, readdirSync } from 'node:fs';

/** CPU seconds that the whole machine has spent on work since it started. */
export function busySeconds(): number {
  return parseBusy(readFileSync('/proc/stat', 'utf8'));
}

/** CPU seconds that the children of process `parent` have spent so far. */
export function childSeconds(parent: number): number {
  let seconds = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readQuietly(`/proc/${name}/stat`);
    const parsed = stat === undefined ? undefined : parseProcess(stat);
    if (parsed?.parent === parent) seconds += parsed.seconds;
  }
  return seconds;
}

/** CPU seconds that a process and its children have spent so far. */
export function familySeconds(pid: number): number {
  return parseProcess(readFileSync(`/proc/${pid}/stat`, 'utf8')).seconds + childSeconds(pid);
}

/**
 * Busy seconds from the text of /proc/stat: all but idle and waiting for a disk.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_stat.5.html
 */
export function parseBusy(text: string): number {
  const [label, ...ticks] = (text.split('\n')[0] ?? '').split(/\s+/);
  if (label !== 'cpu') throw new Error('/proc/stat: expected a first line that begins with cpu');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks.map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS;
}

/**
 * Parent and CPU seconds from the text of /proc/PID/stat, whose second field is a name that may hold anything.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function parseProcess(text: string): { readonly parent: number; readonly seconds: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS };
}

function readQuietly(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // it has ended
  }
}

/** The unit of /proc on every Linux that Node runs on. */
const TICKS = 100;
