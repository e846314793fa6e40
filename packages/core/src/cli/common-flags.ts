import { flag } from './flags.ts';
import type { Flag } from './flags.ts';
import { LOG_LEVELS } from './log.ts';

const group = 'Common:';

/** The flags that every command of every tool has. */
export const commonFlags: CommonFlags = {
  config: flag.string({ group, value: 'FILE', describe: 'JSON or YAML file with settings, one key per flag' }),
  'log-level': flag.choice({ group, describe: 'how much is logged on stderr', choices: LOG_LEVELS, default: 'info' }),
  'log-format': flag.choice({ group, describe: 'form of the log', choices: ['text', 'json'], default: 'text' }),
  'log-file': flag.string({ group, value: 'PATH', describe: 'append the log to this file too' }),
  progress: flag.boolean({ group, describe: 'show progress: a live bar on a terminal, else log lines', default: true }),
  'progress-interval': flag.duration({
    group,
    describe: 'time between progress lines; 0 turns them off',
    default: '5s',
  }),
  'progress-every': flag.number({
    group,
    describe: 'also a progress line every N items; 0 turns them off',
    default: '0',
  }),
};

/** The type of the table, so that its values stay typed. */
export type CommonFlags = {
  readonly config: Flag<string | undefined>;
  readonly 'log-level': Flag<(typeof LOG_LEVELS)[number]>;
  readonly 'log-format': Flag<'text' | 'json'>;
  readonly 'log-file': Flag<string | undefined>;
  readonly progress: Flag<boolean>;
  readonly 'progress-interval': Flag<number>;
  readonly 'progress-every': Flag<number>;
};
