import net from 'node:net';
import tls from 'node:tls';

/** What a socket to an origin needs besides its address. */
export interface SocketOptions {
  /** Bytes are read into this buffer, which sockets may share: they are good only until the callback returns. */
  readonly shared: Buffer;
  readonly secureContext: () => tls.SecureContext;
  /** A TLS session to resume. */
  readonly session: Buffer | undefined;
  readonly onSession: (session: Buffer) => void;
}

/** Open a socket to an http or https origin; certificates are always verified. */
export function openSocket(url: URL, options: SocketOptions, onBytes: (bytes: Buffer) => void): net.Socket {
  const { shared, session } = options;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const address: net.TcpNetConnectOpts = {
    host,
    port: Number(url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port),
    noDelay: true,
    keepAlive: true,
    onread: {
      buffer: shared,
      callback: (length) => {
        onBytes(shared.subarray(0, length));
        return true;
      },
    },
  };
  if (url.protocol === 'http:') return net.connect(address);
  const socket = tls.connect({
    ...address,
    secureContext: options.secureContext(),
    servername: net.isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true, // said aloud, since an environment variable could switch it off in silence
    ...(session === undefined ? {} : { session }),
  });
  socket.on('session', options.onSession);
  return socket;
}
