// Compiles indent-object.as.ts and writes it as text into src/indent-object-wasm.ts; with --check compares instead.
import { buildModule } from '../../core/assembly/build-module.js';

await buildModule({
  source: new URL('indent-object.as.ts', import.meta.url),
  target: new URL('../src/indent-object-wasm.ts', import.meta.url),
  constant: 'INDENT_OBJECT_WASM',
  script: 'build-indent-object.js',
});
