import { describe, expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { createLog } from '../../dist/cli/log.js';

async function textLine(fields: object): Promise<string> {
  const stream = new PassThrough({ encoding: 'utf8' });
  const log = createLog({ level: 'info', format: 'text', stream });
  log.info('said', fields);
  await log.close();
  return String(stream.read()).replace(/^\S+ /, '');
}

describe('a line of text', () => {
  it('has words as they are and other text in quotes', async () => {
    expect(await textLine({ crate: 'serde', error: 'no space', n: 3 })).toBe(
      'info  said crate=serde error="no space" n=3\n',
    );
  });

  it('has lists and objects as plain JSON', async () => {
    expect(await textLine({ args: ['--out', 'my mirror'], counts: { added: 1 } })).toBe(
      'info  said args=["--out","my mirror"] counts={"added":1}\n',
    );
  });

  it('is one line and nothing else, whatever a name says', async () => {
    const hostile = 'a\n2026 info forged\u001B[2K\u202E';
    for (const fields of [{ name: hostile }, { names: [hostile] }, { name: { [hostile]: 1 } }])
      expect(await textLine(fields)).toMatch(/^info {2}said [^\n\u001B]*\n$/);
  });
});
