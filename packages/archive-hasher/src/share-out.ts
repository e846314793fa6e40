import type { Algorithm } from './algorithms.ts';

/**
 * The algorithms in groups of about the same cost, for at most `workers` threads. There are no more groups than pay: when
 * one algorithm costs a third of all, more than three threads would wait for it. Each group keeps the order of `algorithms`.
 */
export function shareOut(algorithms: readonly Algorithm[], workers: number): readonly (readonly Algorithm[])[] {
  const total = algorithms.reduce((sum, { cost }) => sum + cost, 0);
  const dearest = Math.max(...algorithms.map(({ cost }) => cost));
  const groups = Array.from({ length: Math.min(workers, Math.ceil(total / dearest)) }, () => ({
    cost: 0,
    members: [] as Algorithm[],
  }));
  for (const algorithm of [...algorithms].sort((a, b) => b.cost - a.cost)) {
    const lightest = groups.reduce((least, group) => (group.cost < least.cost ? group : least));
    lightest.cost += algorithm.cost;
    lightest.members.push(algorithm);
  }
  return groups.map(({ members }) => algorithms.filter((algorithm) => members.includes(algorithm)));
}
