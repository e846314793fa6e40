import { expect, it } from '@jest/globals';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { listingLine } from '../dist/listing.js';

it('a line is the digest, two spaces and the path', () => {
  expect(listingLine('abcd', 'a/b c').toString()).toBe('abcd  a/b c\n');
});

itWith(['sha256sum'], 'names that need escapes are written as sha256sum writes them', () => {
  const dir = scratchDir();
  const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const names: readonly (readonly [string, Buffer])[] = [
    ['plain', Buffer.from('plain')],
    ['new\nline', Buffer.from('new\nline')],
    ['back\\slash', Buffer.from('back\\slash')],
    ['both\\\n', Buffer.from('both\\\n')],
    ['ü', Buffer.from('ü')],
    ['//%E9%5C', Buffer.from('\xe9\\', 'latin1')],
  ];
  for (const [path, bytes] of names) {
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), bytes]), '');
    const name = bytes
      .toString('latin1')
      .replace(/[^a-z]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
    const printed = execFileSync('sh', ['-c', `name="$(printf '${name}.')"; sha256sum "\${name%.}"`], { cwd: dir });
    expect(listingLine(hex, path).equals(printed)).toBe(true);
  }
});
