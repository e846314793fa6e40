import path from 'node:path';
import type { Rule } from 'eslint';
import { layerProblem } from './layers.ts';

/** The ESLint rule that reports every import, re-export and literal `import()` against the layers of `layerProblem`. */
export const layerRule: Rule.RuleModule = {
  meta: {
    type: 'problem',
    docs: { description: 'imports go one way: bin → cli → library → @mirror/core' },
    schema: [],
    messages: { layer: '{{problem}}' },
  },
  create(context) {
    const file = path.relative(context.cwd, context.filename).split(path.sep).join('/');
    const check = (source: Rule.Node | null | undefined): void => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      const problem = layerProblem(file, source.value);
      if (problem !== undefined) context.report({ node: source, messageId: 'layer', data: { problem } });
    };
    const checkSource = (node: unknown): void => check((node as { readonly source?: Rule.Node | null }).source);
    return {
      ImportDeclaration: checkSource,
      ImportExpression: checkSource,
      ExportNamedDeclaration: checkSource,
      ExportAllDeclaration: checkSource,
    };
  },
};
