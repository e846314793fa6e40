import type { Writable } from 'node:stream';
import type { Logger } from 'winston';
import type { Log } from '../log.ts';
import { redactUrls } from '../net/redact.ts';

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
  close(): Promise<void>;
}

/**
 * A winston logger behind the `Log` interface. Credentials inside URLs are redacted in every field.
 * Loaded on first use, since it costs more than the rest of `--help`.
 */
export async function createLog(options: LogOptions): Promise<ClosableLog> {
  const winston = await import('winston');
  const { combine, timestamp, printf } = winston.format;
  const line = printf((info) => (options.format === 'json' ? jsonLine(info) : textLine(info)));
  const wiped = printf((info) => `\r\u001B[2K${String(info[Symbol.for('message')])}`);
  const onTerminal = options.stream.isTTY === true ? { format: wiped } : {};
  const logger: Logger = winston.createLogger({
    level: options.level,
    format: combine(timestamp(), line),
    transports: [
      new winston.transports.Stream({ stream: options.stream, eol: '\n', ...onTerminal }),
      ...(options.file === undefined ? [] : [new winston.transports.File({ filename: options.file, eol: '\n' })]),
    ],
  });
  const threshold = LOG_LEVELS.indexOf(options.level);
  const write =
    (level: LogOptions['level']) =>
    (message: string, fields: object = {}): void => {
      // before anything is made of the fields: a line at level debug may come for every item
      if (LOG_LEVELS.indexOf(level) <= threshold) logger.log(level, message, { fields });
    };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      logger.once('finish', () => {
        resolve();
      });
      logger.end();
    });
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), close };
}

interface Line {
  readonly level: string;
  readonly message: unknown;
  readonly timestamp?: unknown;
  readonly fields?: unknown;
}

function jsonLine({ timestamp, level, message, fields }: Line): string {
  return redactUrls(JSON.stringify({ time: timestamp, level, message, ...(fields as object) }, plainErrors));
}

function textLine({ timestamp, level, message, fields }: Line): string {
  const pairs = Object.entries((fields ?? {}) as Record<string, unknown>)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${textValue(value)}`);
  return redactUrls(`${String(timestamp)} ${level.padEnd(5)} ${String(message)}${pairs.join('')}`);
}

function textValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, plainErrors) ?? String(value));
  // control characters would let a hostile name forge log lines
  return /^[\x21-\x7e]+$/.test(text) && !text.includes('"') ? text : JSON.stringify(text);
}

function plainErrors(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Error ? value.message : value;
}
