import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { MirrorError, messageOf, systemCodeOf } from '../errors.ts';

/** Who holds a lock, as its file says. Described in docs/formats/lock.md. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Differs after each start of the machine, where the system tells. */
  readonly boot: string;
  /** The PID namespace, where the system tells: process ids mean something only within one. */
  readonly pid_namespace: string;
  /** When the process started, in the system's own units, where it tells; a process id may be used again. */
  readonly process_start: string;
  readonly command: string;
  readonly since: string;
  /** No other lock has it. */
  readonly id: string;
  /** Counted up while the owner lives, always ten digits long. */
  readonly beats: string;
}

/** A lock as it was found. */
export interface FoundLock {
  /** Undefined when the text is no lock of ours, which appear whole. */
  readonly owner: LockOwner | undefined;
  readonly text: string;
  /** The last sign of life, by the clock of the file system. */
  readonly mtimeMs: number;
}

/** The text of a lock. Its length does not change with `beats`, so that a reader never meets half of it. */
export function formatOwner(owner: LockOwner): string {
  return `${JSON.stringify(owner)}\n`;
}

/** The lock in `file`; undefined when there is none. Opened anew each time, since NFS looks at the server then. */
export function readLock(file: string): FoundLock | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, READ);
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error('expected a file');
    const bytes = Buffer.alloc(MAX_BYTES);
    const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
    return { owner: parse(text), text, mtimeMs: stats.mtimeMs };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw new MirrorError('ERR_IO', `cannot read the lock ${file}: ${messageOf(error)}`, { cause: error });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** What tells this process from all others. */
export function whoAmI(): Pick<LockOwner, 'pid' | 'host' | 'boot' | 'pid_namespace' | 'process_start'> {
  return {
    pid: process.pid,
    host: os.hostname(),
    boot: textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pid_namespace: textOf(() => readlinkSync('/proc/self/ns/pid')),
    process_start: processStart(process.pid),
  };
}

/** When a process started, in the system's own units; `gone` for one of which nothing but its exit status is left. */
export function processStart(pid: number): string {
  return textOf(() => {
    // the second field is a name in parentheses that may hold anything
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // killed, and no parent has asked how it ended: in a container without an init that stays so for ever
    return fields[0] === 'Z' ? 'gone' : (fields[19] ?? '');
  });
}

function parse(text: string): LockOwner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as LockOwner) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(ask: () => string): string {
  try {
    return ask();
  } catch {
    return '';
  }
}

const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const MAX_BYTES = 64 << 10;
