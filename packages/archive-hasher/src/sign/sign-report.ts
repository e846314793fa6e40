import { lstatSync } from 'node:fs';
import { MirrorError, ifThere } from '@mirror/core/errors';
import type { SigningKey } from '@mirror/core/evidence';
import { replaceFile } from '@mirror/core/io';
import { createAudit } from '../audit-report.ts';
import { readReport } from '../read-report.ts';
import { isSpecial } from '../verify/find-evidence.ts';

/** Where a further signature of a report is. */
export interface FurtherSignature {
  readonly signature: string;
  readonly publicKey: string;
}

/**
 * Make sure that a file is a report that agrees with itself: nobody should sign anything else.
 *
 * @throws {MirrorError} ERR_INTEGRITY when it does not; ERR_IO when it is no file
 */
export async function checkReport(report: string): Promise<void> {
  if (isSpecial(report)) throw new MirrorError('ERR_IO', `there is no file ${report}, which should be the report`);
  const { header, entries } = await readReport(report);
  const audit = await createAudit(header);
  for await (const entry of audit.watch(entries)) void entry;
  const [first] = audit.findings(undefined);
  if (first?.change !== 'report') return;
  const { what, expected, found } = first;
  throw new MirrorError('ERR_INTEGRITY', `${report} says ${what} ${String(expected)}, but lists ${String(found)}`);
}

/**
 * Sign a report once more, beside the signatures that are there: `<report>.<id>.asc` and the key `<prefix>.<id>.pub.asc`, where `<id>` is the
 * beginning of the key's fingerprint. `verify` finds both.
 *
 * @throws {MirrorError} ERR_USAGE when this key has signed already and `replace` is not set
 */
export async function signReport(report: string, key: SigningKey, replace = false): Promise<FurtherSignature> {
  const id = key.fingerprint.slice(0, 16);
  const signature = `${report}.${id}.asc`;
  const publicKey = `${report.replace(/\.toml$/, '')}.${id}.pub.asc`;
  if (!replace && ifThere(() => lstatSync(signature)) !== undefined) {
    throw new MirrorError('ERR_USAGE', `${signature} is there already`, { hint: '--replace signs anew' });
  }
  const text = await key.sign(report);
  replaceFile(publicKey, key.publicKey);
  replaceFile(signature, text);
  return { signature, publicKey };
}
