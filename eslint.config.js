import js from '@eslint/js';
import node from 'eslint-plugin-n';
import { defineConfig, globalIgnores } from 'eslint/config';
import { configs } from 'typescript-eslint';
// compiled by `pnpm build`, like the declarations that the type-checked rules read
import { layerRule } from './tools/check/dist/layer-rule.js';

const packageSources = {
  files: ['packages/*/src/**/*.ts'],
  ignores: ['packages/*/src/bin.ts', 'packages/*/src/cli{,-*}.ts', 'packages/*/src/cli/**'],
};
const tests = { files: ['**/test/**/*.ts', 'tools/test-support/src/**/*.ts'] };

export default defineConfig(
  // AssemblyScript is not TypeScript
  globalIgnores(['**/dist/', '**/.test-build/', '**/coverage/', 'testdata/', '**/*.as.ts']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      // our objects come from factories whose functions use no `this`
      '@typescript-eslint/unbound-method': 'off',
      // what goes into files and over the wire has control characters, and they are what we look for
      'no-control-regex': 'off',
      // an abort's reason is handed on as it is
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingUnknown: true, allowThrowingAny: true },
      ],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true, allowThrowingAny: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ['**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { Buffer: 'readonly', URL: 'readonly', console: 'readonly', process: 'readonly' } },
  },
  {
    files: ['**/*.{ts,js}'],
    plugins: { mirror: { rules: { layers: layerRule } }, n: node },
    rules: {
      'mirror/layers': 'error',
      'n/prefer-node-protocol': 'error',
      'no-restricted-exports': [
        'error',
        { restrictDefaultExports: { direct: true, named: true, namedFrom: true, namespaceFrom: true } },
      ],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'], location: 'start' }],
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  {
    ...packageSources,
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        ...['argv', 'env', 'exit', 'exitCode', 'stderr', 'stdin', 'stdout'].map((property) => ({
          object: 'process',
          property,
          message: 'Only bin.ts and cli*.ts know the process: take what you need as an option.',
        })),
      ],
    },
  },
  {
    ...tests,
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'CallExpression[callee.object.name=/^(it|test|describe)$/][callee.property.name=/^(only|skip|todo|failing)$/]',
          message: 'A test runs or is not there; one that needs an outside tool is declared with itWith.',
        },
      ],
    },
  },
  { files: ['*.config.js'], rules: { 'no-restricted-exports': 'off' } },
);
