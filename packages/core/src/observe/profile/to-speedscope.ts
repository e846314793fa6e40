import type { Frame, StackProfile, ThreadStacks } from './stacks.ts';

/**
 * `profile` as speedscope reads it, one profile for each thread.
 *
 * @see https://www.speedscope.app/file-format-schema.json
 */
export function toSpeedscope({ kind, startedAt, threads }: StackProfile, title: string): object {
  const frames: object[] = [];
  const known = new Map<string, number>();
  const frameNumber = (frame: Frame): number => {
    const key = JSON.stringify(frame);
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, frames.length);
    const { name, file, line, column } = frame;
    frames.push({ name, ...(file === '' ? {} : { file }), ...(line > 0 ? { line, col: column } : {}) });
    return frames.length - 1;
  };
  const profiles = threads.map((stacks) => {
    const runs = joined(stacks.samples);
    return {
      type: 'sampled',
      name: stacks.thread,
      unit: kind === 'cpu' ? 'microseconds' : 'bytes',
      startValue: 0,
      endValue: runs.reduce((sum, { value }) => sum + value, 0),
      samples: runs.map(({ node }) => stackOf(stacks, node, frameNumber)),
      weights: runs.map(({ value }) => value),
    };
  });
  return {
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name: `${title} ${kind} ${new Date(startedAt).toISOString()}`,
    exporter: title,
    activeProfileIndex: 0,
    shared: { frames },
    profiles,
  };
}

/** Neighbours at the same node become one: an idle thread is one long sample. */
function joined(samples: ThreadStacks['samples']): ThreadStacks['samples'] {
  const runs: { node: number; value: number }[] = [];
  for (const { node, value } of samples) {
    const last = runs.at(-1);
    if (last?.node === node) last.value += value;
    else runs.push({ node, value });
  }
  return runs;
}

/** The frames of a stack, the outermost first. */
function stackOf({ nodes }: ThreadStacks, node: number, frameNumber: (frame: Frame) => number): number[] {
  const stack: number[] = [];
  for (let place = node; place >= 0; place = nodes[place]!.parent) stack.unshift(frameNumber(nodes[place]!.frame));
  return stack;
}
