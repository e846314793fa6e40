import { parentPort, workerData } from 'node:worker_threads';
import { MirrorError, messageOf, systemCodeOf } from '@mirror/core';
import type { Job, WorkerMessage, WorkerSetup } from './job.ts';
import { createReportWindow } from './report-window.ts';
import { createJobRunner } from './run-job.ts';

// The begin of a worker thread: jobs come in as messages, reports go out.
const setup = workerData as WorkerSetup;
const window = createReportWindow(setup.window);

const say = (message: WorkerMessage): void => {
  const packed = 'report' in message ? message.report.packed : [];
  parentPort?.postMessage(
    message,
    packed.map(({ bytes }) => bytes.buffer),
  );
};

const orSay = async <T>(action: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await action();
  } catch (error) {
    const { code, hint } = error instanceof MirrorError ? error : {};
    say({
      type: 'failed',
      code: code ?? (systemCodeOf(error) === undefined ? undefined : 'ERR_IO'),
      hint,
      message: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
    return undefined;
  }
};

const runner = await orSay(() =>
  createJobRunner({
    setup,
    isStopped: window.isStopped,
    send: (report) => {
      window.waitForRoom();
      say({ type: 'report', report });
    },
  }),
);

parentPort?.on('message', (job: Job) => {
  void orSay(async () => {
    if (runner === undefined) return;
    const report = await runner.run(job);
    say({ type: 'done', report, isLimitReached: runner.isLimitReached(), findings: runner.findings() });
  });
});
