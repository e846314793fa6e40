import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as OpenPgp from 'openpgp';

// Its build for Node leaves the curves of Brainpool and secp256k1 to a package that it does not bring; its other build has them, and
// does everything else in the same way.
const forNode = createRequire(import.meta.url).resolve('openpgp');
const complete = pathToFileURL(path.join(path.dirname(forNode), '..', 'openpgp.mjs')).href;

/** OpenPGP.js with all curves that gpg signs with. Nothing else imports it. */
export const openpgp = (await import(complete)) as typeof OpenPgp;
openpgp.config.rejectCurves = new Set();
