/** Steps that are done one after the other, in the order of the calls, while the caller goes on. */
export interface OrderedQueue {
  /**
   * Add a step. Resolves when not too much is waiting.
   *
   * @param weight - how much it adds to what is waiting
   * @throws the error of the first step that failed; no step behind it is done
   */
  add(weight: number, step: () => Promise<void> | void): Promise<void>;
  /** Resolves when all steps are done; rejects as `add`. */
  end(): Promise<void>;
}

/** A queue in which steps of `most` weight in all may wait. */
export function createOrderedQueue(most: number): OrderedQueue {
  const waiting: { readonly weight: number; readonly done: Promise<void> }[] = [];
  let last: Promise<void> = Promise.resolve();
  let waitingWeight = 0;
  return {
    add: async (weight, step) => {
      last = last.then(step);
      last.catch(() => undefined); // told by the next call
      waiting.push({ weight, done: last });
      waitingWeight += weight;
      while (waitingWeight > most) {
        const first = waiting.shift();
        await first?.done;
        waitingWeight -= first?.weight ?? 0;
      }
    },
    end: () => last,
  };
}
