import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePorts } from './free-ports.ts';
import { launchNginx, nginxProgram } from './launch-nginx.ts';

/** A server of the origin's files. */
export interface Origin {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** TLS with HTTP/1.1 only, and TLS with HTTP/2 as well. */
  readonly tlsUrl: string;
  readonly tlsH2Url: string;
  /** PEM file of the authority to trust. */
  readonly caFile: string;
  /** CPU seconds that it has spent so far. */
  readonly seconds: () => number;
  readonly close: () => Promise<void>;
}

/** Whether nginx is here, with the module that answers late when `latencyMs` asks for it. */
export function hasNginx(latencyMs: number): boolean {
  return nginxProgram() !== undefined && (latencyMs === 0 || existsSync(ECHO_MODULE));
}

/**
 * An nginx of our own that serves the folder `root` from 127.0.0.1 on free ports: two workers, sendfile, connections that are kept.
 *
 * @param options.directory - for its configuration, certificates and temporary files
 * @param options.latencyMs - how late each answer begins
 */
export async function startNginx(options: {
  readonly root: string;
  readonly directory: string;
  readonly latencyMs: number;
}): Promise<Origin> {
  const { root, latencyMs } = options;
  const directory = path.resolve(options.directory);
  mkdirSync(directory, { recursive: true });
  makeCertificates(directory);
  const [http = 0, tls = 0, h2 = 0] = await freePorts(3);
  const layout = { directory, root: path.resolve(root), ports: { http, tls, h2 }, latencyMs };
  const module = latencyMs === 0 ? '' : `load_module ${ECHO_MODULE};`;
  const nginx = await launchNginx(directory, { head: module, workers: 2, http: serversText(layout) });
  return {
    url: `http://127.0.0.1:${http}`,
    tlsUrl: `https://127.0.0.1:${tls}`,
    tlsH2Url: `https://127.0.0.1:${h2}`,
    caFile: path.join(directory, 'ca.pem'),
    seconds: nginx.seconds,
    close: async () => {
      await nginx.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Layout {
  readonly directory: string;
  readonly root: string;
  readonly ports: { readonly http: number; readonly tls: number; readonly h2: number };
  readonly latencyMs: number;
}

function serversText({ directory, root, ports, latencyMs }: Layout): string {
  const files = `root "${root}";`;
  const late = `location / { echo_sleep ${latencyMs / 1000}; echo_exec @files; } location @files { ${files} }`;
  const content = latencyMs === 0 ? files : late;
  return `sendfile on; tcp_nopush on; default_type application/octet-stream;
  ssl_certificate "${directory}/server.pem"; ssl_certificate_key "${directory}/server.key"; ssl_protocols TLSv1.3;
  http2_max_concurrent_streams 256;
  server { listen 127.0.0.1:${ports.http}; ${content} }
  server { listen 127.0.0.1:${ports.tls} ssl; ${content} }
  server { listen 127.0.0.1:${ports.h2} ssl http2; ${content} }`;
}

function makeCertificates(directory: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=bench authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  openssl('req', ...key, '-subj', '/CN=127.0.0.1', '-keyout', 'server.key', '-out', 'server.csr');
  writeFileSync(path.join(directory, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', ...signing, '-out', 'server.pem');
}

/** Debian's package libnginx-mod-http-echo. */
const ECHO_MODULE = '/usr/lib/nginx/modules/ngx_http_echo_module.so';
