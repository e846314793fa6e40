import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { brokenLinks } from '../dist/links.js';
import { workspaceRoot } from '../dist/workspace.js';

const read = (file: string): string => readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
const pages = [
  '',
  'docs',
  '.changeset',
  ...['packages', 'tools'].flatMap((group) =>
    readdirSync(path.join(workspaceRoot, group)).map((each) => `${group}/${each}`),
  ),
]
  .flatMap((folder) => markdownIn(path.join(workspaceRoot, folder), folder === 'docs'))
  .map((file) => path.relative(workspaceRoot, file).split(path.sep).join('/'));

describe('links', () => {
  it('there are pages to look at', () => {
    expect(pages).toEqual(
      expect.arrayContaining(['README.md', 'docs/README.md', 'packages/core/README.md', 'docs/guides/nginx.md']),
    );
  });

  it.each(pages)('of %s lead somewhere', (page) => {
    expect(brokenLinks(path.join(workspaceRoot, page), read)).toEqual([]);
  });

  it('to a missing file and to a missing heading are found', () => {
    const page =
      '# A page: `x`\n\n[a](b.md) [c](#a-page-x) [d](#d) [e](https://example.org/) `[f](g)`\n\n```sh\n[h](i)\n```\n';
    expect(brokenLinks(path.join(workspaceRoot, 'README.md'), () => page)).toEqual(['b.md', '#d']);
  });
});

function markdownIn(folder: string, isDeep: boolean): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: isDeep, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !file.startsWith('CHANGELOG'))
    .map((file) => path.join(folder, file));
}
