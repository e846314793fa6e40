import { jsonLine } from '@mirror/core/io';

/** One answered request, for the access log. */
export interface Access {
  readonly time: Date;
  readonly remote: string;
  readonly method: string;
  /** As it stood in the request line: not to be trusted. */
  readonly target: string;
  readonly protocol: string;
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
}

/** The forms of an access log. */
export const ACCESS_LOG_FORMATS = ['combined', 'json'] as const;
/** One of {@link ACCESS_LOG_FORMATS}. */
export type AccessLogFormat = (typeof ACCESS_LOG_FORMATS)[number];

/**
 * One line of an access log, with its `\n`: the combined format of Apache and nginx, or JSON. What a client sent is cut and
 * escaped, so that it can neither begin a new line nor move a terminal's cursor.
 *
 * @see https://httpd.apache.org/docs/current/logs.html#combined
 */
export function formatAccess(access: Access, format: AccessLogFormat): string {
  return format === 'json' ? json(access) : combined(access);
}

function json({ time, remote, method, target, protocol, status, bytes, ms, referer, userAgent }: Access): string {
  const line = {
    time: time.toISOString(),
    remote,
    method,
    target: cut(target),
    protocol,
    status,
    bytes,
    ms,
    referer: cut(referer),
    user_agent: cut(userAgent),
  };
  return jsonLine(line);
}

function combined(access: Access): string {
  const { remote, method, target, protocol, status, bytes } = access;
  const request = `${method} ${target} ${protocol}`;
  return `${remote} - - [${clock(access.time)}] "${escape(request)}" ${String(status)} ${String(bytes)} "${escape(access.referer ?? '-')}" "${escape(access.userAgent ?? '-')}"\n`;
}

const LONGEST = 2048;

function cut<T extends string | undefined>(text: T): T | string {
  return text !== undefined && text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function escape(text: string): string {
  return cut(text).replace(/[\\"]|[^\x20-\x7e]/g, (char) =>
    char === '"' || char === '\\'
      ? `\\${char}`
      : [...Buffer.from(char)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `10/Oct/2000:13:55:36 +0000`, always UTC. */
function clock(time: Date): string {
  const [day = '', hours = ''] = time.toISOString().split('T');
  const [year = '', month = '', date = ''] = day.split('-');
  return `${date}/${MONTHS[Number(month) - 1] ?? ''}/${year}:${hours.slice(0, 8)} +0000`;
}
