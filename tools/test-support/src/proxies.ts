import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A proxy of another maker, on loopback. */
export interface JudgeProxy {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** What it wrote of requests: method and target. */
  log(): string;
  close(): Promise<void>;
}

/** Where a proxy works, and what it lets through. */
export interface JudgeProxyOptions {
  /** An empty folder of its own. */
  readonly dir: string;
  /** CONNECT goes to these ports and to no other, as squid is set up when it is installed. */
  readonly connectPorts: readonly number[];
}

/** squid, as it is set up when it is installed, but for its port and whom it serves. */
export function startSquid({ dir, connectPorts }: JudgeProxyOptions): Promise<JudgeProxy> {
  return startJudge('squid', ['-N', '-f'], dir, (port) => [
    `http_port 127.0.0.1:${String(port)}`,
    `acl connectable port ${connectPorts.join(' ')}`,
    'acl asks method CONNECT',
    'http_access deny asks !connectable',
    'http_access allow all',
    'cache deny all',
    'shutdown_lifetime 0 seconds',
    `access_log stdio:${dir}/access.log`,
    `cache_log ${dir}/cache.log`,
    `pid_filename ${dir}/squid.pid`,
    `coredump_dir ${dir}`,
  ]);
}

/** tinyproxy, with a user and a password. */
export function startTinyproxy(
  { dir, connectPorts }: JudgeProxyOptions,
  user: string,
  password: string,
): Promise<JudgeProxy> {
  return startJudge('tinyproxy', ['-d', '-c'], dir, (port) => [
    `Port ${String(port)}`,
    'Listen 127.0.0.1',
    `LogFile "${dir}/access.log"`,
    'LogLevel Connect',
    `BasicAuth ${user} ${password}`,
    ...connectPorts.map((each) => `ConnectPort ${String(each)}`),
  ]);
}

async function startJudge(
  program: string,
  args: readonly string[],
  dir: string,
  settings: (port: number) => readonly string[],
): Promise<JudgeProxy> {
  const port = await freePort();
  const file = path.join(dir, 'settings');
  writeFileSync(file, `${settings(port).join('\n')}\n`);
  chmodSync(dir, 0o777); // both give up being root
  const child = spawn(program, [...args, file], { stdio: 'ignore' });
  const ended = once(child, 'close');
  await listening(port);
  const log = path.join(dir, 'access.log');
  return {
    address: `127.0.0.1:${String(port)}`,
    log: () => readFileSync(log, 'utf8'),
    close: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await pause(50);
    } finally {
      socket.destroy();
    }
  }
}
