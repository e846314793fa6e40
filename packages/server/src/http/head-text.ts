import { STATUS_CODES } from 'node:http';
import type { Plan } from './plan-answer.ts';

/**
 * The head of an HTTP/1.1 answer, with the empty line behind it.
 *
 * @param connection - the lines about the connection, each with its line end
 * @throws when a field holds a character that could begin a new line
 */
export function headText(plan: Plan, connection: string): string {
  let text = texts.get(plan);
  if (text === undefined) texts.set(plan, (text = ownText(plan)));
  return `${text}date: ${dateNow()}\r\n${connection}\r\n`;
}

/** Plans that are kept are sent many times. */
const texts = new WeakMap<Plan, string>();

function ownText({ status, headers }: Plan): string {
  const lines = [`HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${String(value)}`);
  if (lines.some((line) => UNSAFE.test(line))) throw new Error('a field of the answer holds a character it must not');
  return `${lines.join('\r\n')}\r\n`;
}

const UNSAFE = /[^\t\x20-\x7e\x80-\xff]/;

let date = '';
let dateSecond = 0;

/** The time as HTTP has it, made once a second. */
function dateNow(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(second * 1000).toUTCString();
  }
  return date;
}
