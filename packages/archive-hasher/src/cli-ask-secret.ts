import { StringDecoder } from 'node:string_decoder';
import { MirrorError } from '@mirror/core/errors';
import type { CliIo } from '@mirror/core/cli';

/** Ask for a line on the terminal without showing it. Ctrl-C ends the run as an interrupt does. */
export async function askSecret(question: string, { stdin, stderr, signal }: CliIo): Promise<string> {
  const terminal = stdin as CliIo['stdin'] & { setRawMode?: (raw: boolean) => void };
  const decoder = new StringDecoder('utf8');
  stderr.write(question);
  terminal.setRawMode?.(true);
  try {
    let line = '';
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const char of typeof chunk === 'string' ? chunk : decoder.write(chunk as Buffer)) {
        if (char === '\r' || char === '\n' || char === CTRL_D) return line;
        if (char === CTRL_C) throw new MirrorError('ERR_INTERRUPTED', 'stopped at the question for the passphrase');
        line = char === BACKSPACE || char === DELETE ? [...line].slice(0, -1).join('') : line + char;
      }
      signal.throwIfAborted();
    }
    return line;
  } finally {
    terminal.setRawMode?.(false);
    stdin.pause();
    stderr.write('\n');
  }
}

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const BACKSPACE = '\b';
const DELETE = '\u007F';
