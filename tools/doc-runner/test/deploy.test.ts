import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { builtHelp } from '@mirror-tools/check/help-blocks';
import { workspaceRoot } from '@mirror-tools/check/workspace';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { parseAllDocuments } from 'yaml';
import { flagProblems } from '../dist/check-flags.js';

const folder = path.join(workspaceRoot, 'docs/deploy');
const files = readdirSync(folder).filter((file) => !file.endsWith('.md'));
const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8').replaceAll('\r\n', '\n');
const commands = (text: string): string => text.replaceAll('ExecStart=', '');
const helpOf = builtHelp();

describe('the files for deployment', () => {
  it.each(files)('%s has only flags that there are', (file) => {
    // words of a list, as JSON and YAML write it, are words of a command too
    const text = commands(read(file))
      .replaceAll(/^\s*#.*$/gm, '')
      .replaceAll(/[[\],]/g, ' ')
      .replaceAll(/\n\s{10,}/g, ' ');
    expect(flagProblems(text, helpOf)).toEqual([]);
  });

  it('a flag that there is not would be found', () => {
    expect(
      flagProblems(commands(read('crates-server.service')).replace('--only-present', '--only-there'), helpOf),
    ).toEqual(['mirror-server: no flag --only-there']);
  });

  itWith(['systemd-analyze'], 'the units are what systemd takes', () => {
    const scratch = scratchDir();
    const units = files.filter((file) => /\.(service|timer)$/.test(file));
    for (const unit of units) {
      // systemd wants to see the program
      writeFileSync(path.join(scratch, unit), read(unit).replaceAll(/\/usr\/bin\/mirror-[a-z-]+/g, process.execPath));
    }
    const run = (): string =>
      execFileSync('systemd-analyze', ['verify', '--man=no', ...units.map((unit) => path.join(scratch, unit))], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    expect(run()).toBe('');
    writeFileSync(path.join(scratch, 'crates-mirror.timer'), '[Timer]\nOnCalendar=some day\n');
    expect(run).toThrow();
  });

  it('the job of Kubernetes has as many parts as pods', () => {
    const documents = parseAllDocuments(read('kubernetes.yaml')).map((each) => each.toJS() as Record<string, unknown>);
    const job = documents.find((each) => each['kind'] === 'Job') as {
      spec: { completionMode: string; completions: number; template: { spec: { containers: { args: string[] }[] } } };
    };
    expect(job.spec.completionMode).toBe('Indexed');
    const script = job.spec.template.spec.containers[0]?.args.join(' ') ?? '';
    expect(/--partition "\$part\/(\d+)"/.exec(script)?.[1]).toBe(String(job.spec.completions));
    // the index counts from 0, parts from 1
    expect(script).toContain('JOB_COMPLETION_INDEX + 1');
  });
});
