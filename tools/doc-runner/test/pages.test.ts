import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { builtHelp } from '@mirror-tools/check/help-blocks';
import { itWith } from '@mirror-tools/test-support';
import { flagProblems } from '../dist/check-flags.js';
import { documentationPages, isMeasurement, readPageFile } from '../dist/pages.js';
import { inlineCommands, readPage, saysWhy } from '../dist/read-page.js';
import { runPage } from '../dist/run-page.js';
import { openStage } from '../dist/stage.js';
import type { Stage } from '../dist/stage.js';

// pages use the programs of GNU, as most servers have them
const SYSTEM = process.platform === 'linux' ? 'bash' : 'Linux';
const COMMANDS = ['sh', 'bash', 'console'];
const pages = documentationPages().map((file) => ({ file, text: readPageFile(file) }));

describe('every command of the documentation does what the page says', () => {
  let stage: Stage;
  beforeAll(async () => void (stage = await openStage()), 120_000);
  afterAll(() => stage.close());

  for (const { file, text } of pages.filter((page) => !isMeasurement(page.file))) {
    const blocks = readPage(text);
    if (!blocks.some((block) => block.order.notRun === undefined && [...COMMANDS, 'js'].includes(block.language)))
      continue;
    const needs = new Set([SYSTEM, 'git', ...blocks.flatMap((block) => block.order.needs)]);
    itWith(
      [...needs],
      file,
      async () => {
        const { ran, problems } = await runPage(blocks, stage);
        expect(problems).toEqual([]);
        expect(ran).toBeGreaterThan(0);
      },
      240_000,
    );
  }
});

describe('commands that are not run', () => {
  const helpOf = builtHelp();
  const unrun = pages.flatMap(({ file, text }) =>
    readPage(text)
      .filter((block) => COMMANDS.includes(block.language))
      .filter((block) => isMeasurement(file) || block.order.notRun !== undefined)
      .map((block) => ({ file, text, block })),
  );

  it('have only flags that there are', () => {
    expect(
      unrun.flatMap(({ file, block }) => flagProblems(block.text, helpOf).map((each) => `${file}: ${each}`)),
    ).toEqual([]);
  });

  it('have only flags that there are, inside sentences and tables too', () => {
    const found = pages.flatMap(({ file, text }) => inlineCommands(text).map((command) => ({ file, command })));
    expect(found.length).toBeGreaterThan(10);
    expect(
      found.flatMap(({ file, command }) => flagProblems(command, helpOf).map((each) => `${file}: ${each}`)),
    ).toEqual([]);
  });

  it('come after words that say why', () => {
    const silent = unrun.filter(({ file, text, block }) => !isMeasurement(file) && !saysWhy(text, block));
    expect(silent.map(({ file, block }) => `${file}:${String(block.line)} ${block.order.notRun ?? ''}`)).toEqual([]);
  });
});
