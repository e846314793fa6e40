import { describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { itWith } from '@mirror-tools/test-support';
import { builtHelp } from '../dist/help-blocks.js';
import { builtManPage, manPages } from '../dist/man-pages.js';

const helpOf = builtHelp();

describe.each(manPages())('the manual page of $bin', ({ file, bin }) => {
  const page = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');

  it('is what the command prints (pnpm docs:help writes it)', () => {
    expect(page).toBe(builtManPage(bin));
  });

  it('has every flag that --help lists', () => {
    const flags = [...helpOf(bin).matchAll(/^ {2}(--\S+)/gm)].map(([, flag = '']) => flag);
    expect(flags.length).toBeGreaterThan(5);
    expect(flags.filter((flag) => !page.includes(`\\fB${flag.replaceAll('-', '\\-')}\\fR`))).toEqual([]);
  });

  itWith(['mandoc'], 'has nothing that mandoc complains about but the missing date', () => {
    const complaints = complaintsOf(file);
    expect(complaints.split('\n').filter((line) => line !== '' && !line.includes('missing date'))).toEqual([]);
  });

  itWith(['man', 'mandb'], 'is shown by man without a warning', () => {
    const env = { ...process.env, MANROFFOPT: '-ww', MANWIDTH: '100', LC_ALL: 'C.UTF-8' };
    const shown = execFileSync('man', ['--warnings', '-l', file], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(shown).toContain('EXIT STATUS');
    expect(shown).toContain('--log-level');
  });
});

function complaintsOf(file: string): string {
  const { stdout, error } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', file], { encoding: 'utf8' });
  if (error !== undefined) throw error;
  return stdout;
}
