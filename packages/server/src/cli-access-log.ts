import { writeOut } from '@mirror/core/cli';
import type { CommandContext } from '@mirror/core/cli';
import { formatAccess } from './observe/access-log.ts';
import type { Access, AccessLogFormat } from './observe/access-log.ts';
import { openAccessLogFile } from './observe/access-log-file.ts';

/** Where the access log goes. */
export interface AccessLogSink {
  readonly write: (access: Access) => void;
  readonly isStdout: boolean;
  /** Go on in a new file, after the old one was moved away. */
  reopen(): void;
  close(): Promise<void>;
}

/**
 * The access log that the flags describe, if any.
 *
 * @param file - `-` is stdout
 * @throws {MirrorError} ERR_IO when the file cannot be opened
 */
export function openAccessLog(
  file: string | undefined,
  format: AccessLogFormat,
  { io, log }: Pick<CommandContext, 'io' | 'log'>,
): AccessLogSink | undefined {
  if (file === undefined) return undefined;
  if (file === '-') return toStdout(format, io);
  const target = openAccessLogFile(file, log);
  return {
    write: (access) => target.write(formatAccess(access, format)),
    isStdout: false,
    reopen: target.reopen,
    close: target.close,
  };
}

/** A reader that does not keep up costs lines, not memory. */
function toStdout(format: AccessLogFormat, { stdout }: CommandContext['io']): AccessLogSink {
  return {
    write: (access) => {
      if (stdout.writableLength < MAX_WAITING_BYTES) void writeOut(stdout, formatAccess(access, format));
    },
    isStdout: true,
    reopen: () => undefined,
    close: () => Promise.resolve(),
  };
}

const MAX_WAITING_BYTES = 4 * 2 ** 20;
