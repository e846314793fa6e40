import { command, flag } from '@mirror/core/cli';
import { required } from './cli-common.ts';
import { keyFlags } from './cli-key-flags.ts';

// What a command does is loaded when it runs, so that --help comes at once.
export const sign = command({
  name: 'sign',
  summary: 'Sign a report that is there already: a second signer, another day, another machine.',
  flags: {
    report: flag.string({ value: 'FILE', describe: 'the report, <prefix>.toml (required)' }),
    replace: flag.boolean({ describe: 'replace an earlier signature by the same key' }),
    ...keyFlags,
  },
  async run(values, context) {
    const report = required(values.report, '--report');
    const { checkReport, signReport } = await import('./sign/sign-report.ts');
    await checkReport(report); // before a key is made
    const { signingKeyFor } = await import('./cli-key.ts');
    const key = await signingKeyFor(values, undefined, context);
    const { signature, publicKey } = await signReport(report, key, values.replace);
    return {
      summary: { report, signature, public_key: publicKey, fingerprint: key.fingerprint, exit_reason: 'signed' },
    };
  },
});
