/** Virtual time: what is to happen, in order of time, and of its coming for equal times. */
export interface Events {
  readonly now: number;
  at(time: number, action: () => void): void;
  /** Let the next thing happen; false when there is none. */
  step(): boolean;
}

interface Event {
  readonly time: number;
  readonly order: number;
  readonly action: () => void;
}

/** A binary heap of events. */
export function createEvents(): Events {
  const heap: Event[] = [];
  let now = 0;
  let order = 0;
  const isBefore = (one: number, other: number): boolean => {
    const [a, b] = [heap[one]!, heap[other]!];
    return a.time < b.time || (a.time === b.time && a.order < b.order);
  };
  const swap = (one: number, other: number): void => {
    [heap[one], heap[other]] = [heap[other]!, heap[one]!];
  };
  return {
    get now() {
      return now;
    },
    at: (time, action) => {
      heap.push({ time, order: (order += 1), action });
      for (let place = heap.length - 1; place > 0 && isBefore(place, (place - 1) >> 1); place = (place - 1) >> 1)
        swap(place, (place - 1) >> 1);
    },
    step: () => {
      const first = heap[0];
      if (first === undefined) return false;
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
      for (let place = 0; ;) {
        let least = place;
        for (const child of [2 * place + 1, 2 * place + 2])
          if (child < heap.length && isBefore(child, least)) least = child;
        if (least === place) break;
        swap(place, least);
        place = least;
      }
      now = first.time;
      first.action();
      return true;
    },
  };
}
