// Compiles scan-lines.as.ts and writes it as text into src/registry/scan-lines-wasm.ts; with --check compares instead.
import { buildModule } from './build-module.js';

await buildModule({
  source: new URL('scan-lines.as.ts', import.meta.url),
  target: new URL('../src/registry/scan-lines-wasm.ts', import.meta.url),
  constant: 'SCAN_LINES_WASM',
  script: 'build-scan-lines.js',
});
