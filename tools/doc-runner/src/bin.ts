#!/usr/bin/env node
// mirror-docs [--show] [PAGE...]: run the commands of pages (all when none is named) and tell what does not go as they say;
// --show prints each command with what it printed.
import { isMeasurement, documentationPages, readPageFile } from './pages.ts';
import { readPage } from './read-page.ts';
import { runPage } from './run-page.ts';
import { openStage } from './stage.ts';

const named = process.argv.slice(2).filter((word) => word !== '--show');
const pages = named.length > 0 ? named : documentationPages().filter((page) => !isMeasurement(page));
const stage = await openStage();
for (const page of pages) {
  const { ran, problems, transcript } = await runPage(readPage(readPageFile(page)), stage);
  if (process.argv.includes('--show')) console.log(transcript);
  console.log(`${page}: ${String(ran)} run${problems.length === 0 ? '' : `\n${problems.join('\n')}`}`);
  if (problems.length > 0) process.exitCode = 1;
}
await stage.close();
