import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { childSeconds } from './processor-time.ts';

/** An nginx that runs. */
export interface Nginx {
  /** CPU seconds that its workers have spent so far. */
  readonly seconds: () => number;
  readonly close: () => Promise<void>;
}

/** What is to be said of an nginx besides its places. */
export interface NginxConfig {
  /** Modules to load. */
  readonly head?: string;
  readonly workers: number;
  /** What stands in the `http` block. */
  readonly http: string;
}

/** Start an nginx in the background whose files all lie in `directory`, which must be there. */
export async function launchNginx(directory: string, { head = '', workers, http }: NginxConfig): Promise<Nginx> {
  const config = path.join(directory, 'nginx.conf');
  const pidFile = path.join(directory, 'nginx.pid');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const text = `${head}
${user} worker_processes ${workers}; worker_rlimit_nofile 8192; pid "${pidFile}"; error_log "${directory}/error.log" warn;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 10000000;
  ${temporary.map((name) => `${name}_temp_path "${directory}/${name}";`).join(' ')}
  ${http}
}
`;
  writeFileSync(config, text);
  execFileSync(nginxProgram() ?? 'nginx', ['-e', path.join(directory, 'error.log'), '-c', config], { stdio: 'pipe' });
  for (let tries = 0; !existsSync(pidFile) && tries < 100; tries += 1) await pause(20);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  return {
    seconds: () => childSeconds(pid),
    close: async () => {
      process.kill(pid, 'SIGTERM');
      for (let tries = 0; existsSync(pidFile) && tries < 100; tries += 1) await pause(20);
    },
  };
}

/** Where nginx is; undefined when it is not installed. */
export function nginxProgram(): string | undefined {
  return ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((file) => existsSync(file));
}
