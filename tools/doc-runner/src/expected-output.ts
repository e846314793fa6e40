/** A command of a console session, and what the page shows of its output. */
export interface ConsoleStep {
  readonly command: string;
  /** The lines shown, without the last line end. */
  readonly shown: string;
}

/** The steps of a `console` block: `$` begins a command, `>` continues it, everything else is output. */
export function consoleSteps(text: string): readonly ConsoleStep[] {
  const steps: { command: string; lines: string[] }[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const last = steps.at(-1);
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), lines: [] });
    else if (last === undefined)
      throw new Error(`a console session begins with "$ ", not with ${JSON.stringify(line)}`);
    else if (line.startsWith('> ') && last.lines.length === 0) last.command += `\n${line.slice(2)}`;
    else last.lines.push(line);
  }
  return steps.map(({ command, lines }) => ({ command, shown: lines.join('\n') }));
}

/** Whether an output is as a page shows it. In what is shown `…` stands for anything, also for several lines. */
export function isAsShown(shown: string, output: string): boolean {
  const parts = shown
    .trimEnd()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`).test(output.trimEnd());
}
