import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseFaultFlag } from './fault-flag.ts';
import { FAULT_KINDS } from './fault.ts';
import type { FaultRule } from './fault.ts';
import type { MakeOptions } from './make-registry.ts';
import { startFakeRegistry } from './start-fake-registry.ts';
import type { FakeRegistryOptions } from './start-fake-registry.ts';
import { writeRegistry } from './write-registry.ts';

const HELP = `fake-registry: a small crates.io for tests and measurements.

  fake-registry [options]              make a registry and serve it until SIGINT or SIGTERM
  fake-registry --dir DIR --make-only  write it to DIR and end

What is made (same options, same bytes)
  --seed TEXT            what everything is drawn from               [1]
  --crates N             number of crates                            [60, or what --versions needs]
  --versions N           number of versions, exactly                 [what the crates have]
  --versions-per-crate N mean for an ordinary crate                  [2.5]
  --sizes small|real|N   0.4-3 KiB, as on crates.io, or N bytes      [small]
  --odd-names            names that begin with a digit, device names, versions that differ in case
  --dir DIR              write to and serve from DIR (index/, crates/); one that is finished is reused

How it is served
  --host HOST            [127.0.0.1]
  --port N               HTTP/1.1                                    [any]
  --tls-port N           TLS, HTTP/2 and HTTP/1.1                    [any]
  --ca-file FILE         write the PEM of the certificate authority
  --start-file FILE      write the first line of stdout there too
  --cache-bytes N        keep so many bytes of DIR in memory         [0]

What goes wrong
  --fault KIND[-DETAIL][:RATE][@TIMES]   may be repeated: status-503:0.1 truncate:0.05@2 stall-head mixed:0.2
  --faults FILE          JSON list of rules, "match" a regular expression
  --latency MS           before each answer, also as 40ms            [0]
  --max-in-flight N      beyond it: 429                              [no limit]
  --too-many-status N    429 or 503                                  [429]
  --close-each           close the connection after each answer

stdout: one JSON line with the addresses at the start, one with the counts at the end.
`;

/** The surroundings of the command. */
export interface CliIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Fires when the command is to end. */
  readonly signal: AbortSignal;
}

/** Run the command line `argv`; resolves to the exit status: 0, or 2 for wrong usage. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    const flags = parse(argv);
    if (flags.help === true) io.stdout.write(HELP);
    else if (flags['make-only'] === true) makeOnly(flags, io);
    else await serveUntilEnd(flags, io);
    return 0;
  } catch (error) {
    io.stderr.write(`fake-registry: ${(error as Error).message}\n`);
    return 2;
  }
}

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  seed: { type: 'string' },
  crates: { type: 'string' },
  versions: { type: 'string' },
  'versions-per-crate': { type: 'string' },
  sizes: { type: 'string' },
  'odd-names': { type: 'boolean' },
  dir: { type: 'string' },
  'make-only': { type: 'boolean' },
  host: { type: 'string' },
  port: { type: 'string' },
  'tls-port': { type: 'string' },
  'ca-file': { type: 'string' },
  'start-file': { type: 'string' },
  'cache-bytes': { type: 'string' },
  fault: { type: 'string', multiple: true },
  faults: { type: 'string' },
  latency: { type: 'string' },
  'max-in-flight': { type: 'string' },
  'too-many-status': { type: 'string' },
  'close-each': { type: 'boolean' },
} as const;

type Flags = ReturnType<typeof parse>;

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: FLAGS, strict: true }).values;
}

function makeOnly(flags: Flags, io: CliIo): void {
  if (flags.dir === undefined) throw new Error('--make-only needs --dir DIR');
  io.stdout.write(`${JSON.stringify(writeRegistry(flags.dir, makeOptions(flags)))}\n`);
}

async function serveUntilEnd(flags: Flags, io: CliIo): Promise<void> {
  const registry = await startFakeRegistry(serveOptions(flags));
  if (flags['ca-file'] !== undefined) writeFileSync(flags['ca-file'], registry.ca);
  const { url, tlsUrl, versions } = registry;
  const start = {
    url,
    tls_url: tlsUrl,
    index_url: `sparse+${url}/index/`,
    crates_url: `${url}/crates`,
    versions: versions.length,
  };
  const line = `${JSON.stringify(start)}\n`;
  if (flags['start-file'] !== undefined) writeFileSync(flags['start-file'], line);
  io.stdout.write(line);
  if (!io.signal.aborted) await new Promise((resolve) => io.signal.addEventListener('abort', resolve, { once: true }));
  const counts = registry.counts();
  await registry.close();
  io.stdout.write(`${JSON.stringify(counts)}\n`);
}

function makeOptions(flags: Flags): MakeOptions {
  return defined({
    seed: flags.seed,
    crates: number(flags, 'crates'),
    versions: number(flags, 'versions'),
    versionsPerCrate: number(flags, 'versions-per-crate'),
    oddNames: flags['odd-names'],
    sizes: sizes(flags),
  });
}

function serveOptions(flags: Flags): FakeRegistryOptions {
  const tooMany = number(flags, 'too-many-status');
  if (tooMany !== undefined && tooMany !== 429 && tooMany !== 503)
    throw new Error('--too-many-status: expected 429 or 503');
  return defined({
    ...makeOptions(flags),
    dir: flags.dir,
    cacheBytes: number(flags, 'cache-bytes'),
    host: flags.host,
    port: number(flags, 'port'),
    tlsPort: number(flags, 'tls-port'),
    faults: [...(flags.fault ?? []).flatMap(parseFaultFlag), ...fileFaults(flags.faults)],
    latencyMs: flags.latency === undefined ? undefined : numberOf('latency', flags.latency.replace(/ms$/, '')),
    maxInFlight: number(flags, 'max-in-flight'),
    tooManyStatus: tooMany,
    closeEach: flags['close-each'],
  });
}

function fileFaults(file: string | undefined): FaultRule[] {
  if (file === undefined) return [];
  const rules = JSON.parse(readFileSync(file, 'utf8')) as (FaultRule & { match?: string })[];
  return rules.map((rule) => {
    if (!FAULT_KINDS.includes(rule.kind))
      throw new Error(
        `${file}: expected a rule with one of the kinds ${FAULT_KINDS.join(' ')}; found ${JSON.stringify(rule)}`,
      );
    return rule.match === undefined ? rule : { ...rule, match: new RegExp(rule.match) };
  });
}

function sizes(flags: Flags): MakeOptions['sizes'] {
  if (flags.sizes === 'small' || flags.sizes === 'real') return flags.sizes;
  return number(flags, 'sizes');
}

function number(flags: Flags, name: Exclude<keyof Flags, 'fault'>): number | undefined {
  const text = flags[name];
  return typeof text === 'string' ? numberOf(name, text) : undefined;
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0)) throw new Error(`--${name}: expected a number; found ${text}`);
  return value;
}

/** The fields that are set: an option that is left out has its default. */
function defined<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
