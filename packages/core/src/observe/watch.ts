import { createRecentHistory, createWholeHistory, paceOf } from './history.ts';
import type { Observed, Pace } from './observed.ts';
import { renderSections } from './page/sections.ts';
import type { Sections } from './page/sections.ts';

/** Work that is being watched: it is looked at once a second, and remembers what it saw. */
export interface Watch {
  readonly observed: Observed;
  readonly startedAt: number;
  /** The document of `/api/status`. */
  status(): object;
  /** The changing parts of the page. */
  sections(): Sections;
  /** Called after each look; the result ends that. */
  onLook(listener: () => void): () => void;
  /** Look a last time, and no more. */
  stop(): void;
}

/** Begin to watch. The timer does not keep the process alive. */
export function watchWork(observed: Observed): Watch {
  const startedAt = Date.now();
  const begin = performance.now();
  const recent = createRecentHistory(RECENT_ROWS);
  const whole = createWholeHistory(WHOLE_ROWS);
  const listeners = new Set<() => void>();
  const pace: Pace = (reading) => paceOf(recent.rows(), reading);
  let state = 'running';
  const look = (): void => {
    const seconds = (performance.now() - begin) / 1000;
    const readings = observed.readings();
    recent.note(seconds, readings);
    whole.note(seconds, readings);
    for (const listener of listeners) listener();
  };
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return {
    observed,
    startedAt,
    status: () => {
      const now = Date.now();
      return {
        schema_version: 1,
        tool: observed.tool,
        version: observed.version,
        state,
        started_at: new Date(startedAt).toISOString(),
        now: new Date(now).toISOString(),
        uptime_seconds: Math.round((now - startedAt) / 100) / 10,
        ...observed.status(pace),
      };
    },
    sections: () => renderSections(observed.view(pace), { recent: recent.rows(), whole: whole.rows() }),
    onLook: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => {
      if (state === 'ended') return;
      state = 'ended';
      clearInterval(timer);
      look();
    },
  };
}

const LOOK_MS = 1000;
/** Five minutes. */
const RECENT_ROWS = 301;
const WHOLE_ROWS = 400;
