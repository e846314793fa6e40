export { startGitServer } from './git-server.ts';
export type { GitServer, GitServerOptions, Tamper } from './git-server.ts';
