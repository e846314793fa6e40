import type { Outcome } from '@mirror/core/cli';

/** The alarm about versions whose checksum upstream has changed: told when everything else is done. */
export function replacedFailure(versions: number): NonNullable<Outcome['failure']> {
  return {
    code: 'ERR_INTEGRITY',
    message: `upstream has changed the checksums of ${String(versions)} versions, whose old files stay; if that is right, use --accept-replaced`,
  };
}
