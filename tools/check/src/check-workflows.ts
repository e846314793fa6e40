// Part of `pnpm check`: what is wrong with the workflows under .github.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { workflowProblems } from './workflows.ts';
import { workspaceRoot } from './workspace.ts';

const folder = '.github/workflows';
for (const name of readdirSync(path.join(workspaceRoot, folder)).sort()) {
  const file = `${folder}/${name}`;
  const problems = await workflowProblems(file, readFileSync(path.join(workspaceRoot, file), 'utf8'));
  console.log(problems.length === 0 ? `${file}: good` : problems.join('\n'));
  if (problems.length > 0) process.exitCode = 1;
}
