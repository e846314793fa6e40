// How the server compares with nginx serving its export: requests per second and CPU time per request, in turns.
//   node packages/server/bench/against-nginx.mjs [--crates 600] [--seconds 4] [--rounds 3] [--connections 32]
// Needs wrk and nginx on the PATH. Both run with one process (nginx: one worker), beside wrk on the same machine.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

const { values: flags } = parseArgs({
  options: {
    crates: { type: 'string', default: '600' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
  },
});
const tool = (name) => fileURLToPath(new URL(`../../../${name}/dist/bin.js`, import.meta.url));
const dir = mkdtempSync(path.join(os.tmpdir(), 'mirror-bench-'));
const [origin, tree] = [path.join(dir, 'origin'), path.join(dir, 'tree')];
const ports = { mirror: 39311, nginx: 39312 };

const run = (args) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return stdout;
};
run([tool('tools/fake-registry'), '--dir', origin, '--make-only', '--sizes', 'real', '--crates', flags.crates]);
const versions = readFileSync(path.join(origin, 'versions.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)); // prettier-ignore
const { layoutPath } = await import(new URL('../../core/dist/index.js', import.meta.url).href);
const root = path.join(dir, 'out');
for (const { name, vers, path: from } of versions) {
  const file = path.join(root, layoutPath('shard', name, vers));
  mkdirSync(path.dirname(file), { recursive: true });
  copyFileSync(path.join(origin, 'crates', from), file);
}
run([tool('packages/server'), 'export', tree, '--index-dir', path.join(origin, 'index'), '--root', root, '--public-url', `http://127.0.0.1:${ports.nginx}`]); // prettier-ignore

const mirror = spawn(process.execPath, [tool('packages/server'), '--index-dir', path.join(origin, 'index'), '--root', root, '--listen', `127.0.0.1:${ports.mirror}`, '--log-level', 'error'], { stdio: 'ignore' }); // prettier-ignore
const config = path.join(dir, 'nginx.conf');
const user = process.getuid?.() === 0 ? 'user root;' : '';
const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${dir}/${what};`).join(' '); // prettier-ignore
writeFileSync(config, `${user} worker_processes 1; daemon off; pid ${dir}/pid; error_log ${dir}/error.log;\nevents { worker_connections 1024; }\nhttp { access_log off; keepalive_requests 1000000; ${temporary} server { listen 127.0.0.1:${ports.nginx}; include "${tree}/nginx.conf"; } }\n`); // prettier-ignore
const nginx = spawn('nginx', ['-e', `${dir}/error.log`, '-c', config], { stdio: 'ignore' });
await sleep(3000);

try {
  const indexPaths = [...new Set(versions.map(({ indexPath }) => `/index/${indexPath}`))];
  const jobs = [
    { title: 'index, 304', headers: {}, paths: () => indexPaths, isConditional: true },
    { title: 'index, 200', headers: {}, paths: () => indexPaths },
    { title: 'index, 200, gzip', headers: { 'Accept-Encoding': 'gzip' }, paths: () => indexPaths },
    { title: 'one hot crate', headers: {}, paths: (server) => [cratePath(server, versions[0])] },
    { title: 'crates, all', headers: {}, paths: (server) => versions.map((version) => cratePath(server, version)) },
    { title: 'crates up to 64 KiB', headers: {}, paths: (server) => versions.filter(({ size }) => size <= 65536).map((version) => cratePath(server, version)) }, // prettier-ignore
  ];
  const pids = { mirror: [mirror.pid], nginx: children(nginx.pid) };
  for (const job of jobs) {
    const found = { mirror: [], nginx: [] };
    for (let round = 0; round < Number(flags.rounds); round++) {
      for (const server of round % 2 === 0 ? ['mirror', 'nginx'] : ['nginx', 'mirror']) {
        found[server].push(await measure(server, job, pids[server]));
      }
    }
    const [ours, theirs] = [median(found.mirror), median(found.nginx)];
    console.log(
      JSON.stringify({
        job: job.title,
        mirror: ours,
        nginx: theirs,
        ratio_requests: Math.round((100 * ours.per_second) / theirs.per_second) / 100,
        ratio_cpu: Math.round((100 * ours.cpu_us) / theirs.cpu_us) / 100,
      }),
    );
  }
} finally {
  mirror.kill();
  nginx.kill();
  await sleep(500);
  rmSync(dir, { recursive: true, force: true });
}

async function measure(server, { headers, paths, isConditional = false }, pids) {
  const base = `http://127.0.0.1:${ports[server]}`;
  const list = paths(server);
  const requests = [];
  for (const target of list) {
    const tag = isConditional ? (await fetch(base + target)).headers.get('etag') : undefined;
    const all = { ...headers, ...(tag === undefined ? {} : { 'If-None-Match': tag }) };
    requests.push(`{${JSON.stringify(target)}, {${Object.entries(all).map(([name, value]) => `[${JSON.stringify(name)}]=${JSON.stringify(value)}`).join(',')}}}`); // prettier-ignore
  }
  const script = path.join(dir, 'wrk.lua');
  writeFileSync(script, `local list = {${requests.join(',\n')}}\nlocal i = 0\nfunction request() i = i % #list + 1; return wrk.format("GET", list[i][1], list[i][2]) end\n`); // prettier-ignore
  const before = cpuSeconds(pids);
  const wrk = spawn('wrk', ['-t1', `-c${flags.connections}`, `-d${flags.seconds}s`, '-s', script, base]);
  let said = '';
  wrk.stdout.on('data', (text) => (said += text));
  await new Promise((resolve) => wrk.once('close', resolve));
  const cpu = cpuSeconds(pids) - before;
  const count = Number(/(\d+) requests in/.exec(said)[1]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(said)[1]);
  const problems = /Socket errors:.*|Non-2xx or 3xx responses: \d+/.exec(said)?.[0];
  return { per_second: Math.round(perSecond), cpu_us: Math.round((cpu / count) * 1e7) / 10, ...(problems === undefined ? {} : { problems }) }; // prettier-ignore
}

function cratePath(server, { name, vers }) {
  return server === 'mirror' ? `/crates/${name}/${vers}/download` : `/crates/${layoutPath('cargo', name, vers)}`;
}

/** User and system time of processes, in seconds. */
function cpuSeconds(pids) {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

function children(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

function median(all) {
  return [...all].sort((a, b) => a.per_second - b.per_second)[Math.floor(all.length / 2)];
}
