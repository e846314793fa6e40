import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type * as Winston from 'winston';
import type { MirrorError } from '../errors.ts';
import type { Log } from '../log.ts';
import { redactUrls } from '../net/redact.ts';
import { openLogFile } from './log-file.ts';
import type { LogFile } from './log-file.ts';
import { terminalLine } from '../text/terminal-text.ts';

/** The levels from the quietest to the most talkative. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

/** How and where a log is written. */
export interface LogOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: 'text' | 'json';
  /** Where every line goes; on a terminal a progress bar that stands there is wiped first. */
  readonly stream: Writable & { readonly isTTY?: boolean };
  /** A file that gets every line too, appended. */
  readonly file?: string | undefined;
}

/** A log that can be closed: `close` resolves when every line is written. */
export interface ClosableLog extends Log {
  /** Go on in a new log file: the old one was moved away. */
  reopen(): void;
  /** Can be called twice. */
  close(): Promise<void>;
  /** Why the log file lacks lines; undefined when it has all. */
  fault(): MirrorError | undefined;
}

/**
 * A winston logger behind the `Log` interface. Credentials inside URLs are redacted in every field.
 * It is loaded with the first line, since many a run has none to write; a log file is there from the beginning.
 */
export function createLog(options: LogOptions): ClosableLog {
  const threshold = LOG_LEVELS.indexOf(options.level);
  const file = options.file === undefined ? undefined : openLogFile(options.file, options.stream);
  let logger = file === undefined ? undefined : createLogger(options, file);
  let closing: Promise<void> | undefined;
  const write =
    (level: LogOptions['level']) =>
    (message: string, fields: object = {}): void => {
      // before anything is made of the fields: a line at level debug may come for every item
      if (LOG_LEVELS.indexOf(level) > threshold) return;
      logger ??= createLogger(options, file);
      logger.log(level, message, { fields });
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    reopen: () => file?.reopen(),
    close: () => (closing ??= closed(logger, file)),
    fault: () => file?.fault(),
  };
}

function createLogger(options: LogOptions, file: LogFile | undefined): Winston.Logger {
  // at once and not by import(), so that a line that is logged is written
  // the resolution of links that `require` does fails when the last look at a file, whoever took it, was at a fifo or socket (Node 20)
  statSync(fileURLToPath(import.meta.url));
  const winston = require('winston') as typeof Winston;
  const { combine, timestamp, printf } = winston.format;
  const line = printf((info) => (options.format === 'json' ? jsonLine(info) : textLine(info)));
  const wiped = printf((info) => `\r\u001B[2K${String(info[Symbol.for('message')])}`);
  const onTerminal = options.stream.isTTY === true ? { format: wiped } : {};
  return winston.createLogger({
    level: options.level,
    format: combine(timestamp(), line),
    transports: [
      new winston.transports.Stream({ stream: options.stream, eol: '\n', ...onTerminal }),
      ...(file === undefined ? [] : [new winston.transports.Stream({ stream: file.stream, eol: '\n' })]),
    ],
  });
}

async function closed(logger: Winston.Logger | undefined, file: LogFile | undefined): Promise<void> {
  if (logger === undefined) return;
  await new Promise<void>((resolve) => {
    logger.once('finish', resolve);
    logger.end();
  });
  // winston ends no stream that it was given
  await new Promise<void>((resolve) => (file === undefined ? resolve() : void file.stream.end(resolve)));
}

interface Line {
  readonly level: string;
  readonly message: unknown;
  readonly timestamp?: unknown;
  readonly fields?: unknown;
}

function jsonLine({ timestamp, level, message, fields }: Line): string {
  return terminalLine(
    redactUrls(JSON.stringify({ time: timestamp, level, message, ...(fields as object) }, plainErrors)),
  );
}

function textLine({ timestamp, level, message, fields }: Line): string {
  const pairs = Object.entries((fields ?? {}) as Record<string, unknown>)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${textValue(value)}`);
  return terminalLine(redactUrls(`${String(timestamp)} ${level.padEnd(5)} ${String(message)}${pairs.join('')}`));
}

function textValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, plainErrors) ?? String(value));
  // control characters would let a hostile name forge log lines
  if (typeof value === 'object' && /^[\x20-\x7e]+$/.test(text)) return text; // JSON says itself where it ends
  return /^[\x21-\x7e]+$/.test(text) && !text.includes('"') ? text : JSON.stringify(text);
}

function plainErrors(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Error ? value.message : value;
}

const require = createRequire(import.meta.url);
