import { MirrorError } from '../errors.ts';

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * An address to listen on: `127.0.0.1:8080`, `[::]:8080`, `mirror.example:80`; `:8080` or `8080` is this machine only.
 *
 * @throws {MirrorError} ERR_USAGE when it is none
 */
export function parseListen(text: string): ListenAddress {
  const [, bracketed, plain, port = ''] =
    /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*)):)?(\d{1,5})$/.exec(text.trim()) ?? [];
  if (port !== '' && Number(port) < 65_536)
    return { host: bracketed ?? (plain === undefined || plain === '' ? '127.0.0.1' : plain), port: Number(port) };
  throw new MirrorError('ERR_USAGE', `listen address: expected HOST:PORT, found ${JSON.stringify(text)}`, {
    hint: '0.0.0.0:8080 or [::]:8080 lets other machines in',
  });
}
