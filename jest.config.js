// Tests import the built files (`../dist/…`): what is tested is what ships, worker threads included.
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/packages/*/test/**/*.test.ts', '<rootDir>/tools/*/test/**/*.test.ts'],
  // the benchmarks read /proc and run only where they measure
  testPathIgnorePatterns: ['/node_modules/', '/dist/', ...(process.platform === 'linux' ? [] : ['/tools/bench/'])],
  modulePathIgnorePatterns: ['<rootDir>/.*/package\\.tgz'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  // many tests wait for child processes and timers
  maxWorkers: '100%',
  testTimeout: 60_000,
};
