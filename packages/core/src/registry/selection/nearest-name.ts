/**
 * Of `names` the one that `asked` was most likely meant to be; undefined when none is near. `-` for `_` costs least: it is the slip
 * that is made most often.
 */
export function nearestName(asked: string, names: Iterable<string>): string | undefined {
  const wanted = asked.toLowerCase();
  const folded = wanted.replaceAll('-', '_');
  const most = wanted.length < 4 ? 1 : wanted.length < 10 ? 2 : 3;
  let best: string | undefined;
  let bestCost = most + 1;
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > most) continue;
    const lower = name.toLowerCase().replaceAll('-', '_');
    const cost = lower === folded ? 0 : distance(folded, lower, bestCost);
    if (cost < bestCost) [best, bestCost] = [name, cost];
    if (bestCost === 0) break;
  }
  return best;
}

/** Letters to put in, take out, replace or swap with their neighbour; at least `enough` when it is not less. */
function distance(a: string, b: string, enough: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    if (least >= enough) return enough;
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? enough;
}
