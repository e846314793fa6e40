import { startGitServer } from './git-server.ts';

// node dist/bin.js ROOT [PORT]: serve the bare repositories below ROOT until interrupted
const [root = '.', port = '0'] = process.argv.slice(2);
const server = await startGitServer(root, { port: Number(port) });
console.log(server.url);
