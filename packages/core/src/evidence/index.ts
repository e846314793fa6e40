// Signing files and checking signatures. Exported as @mirror/core/evidence; a door of its own, since OpenPGP takes a while to load.
export { checkSignatures } from './check-signatures.ts';
export type { CheckedSignatures, SignatureCheck, Signer } from './check-signatures.ts';
export { readPublicKeys, readPublicKeysIn, readSignatures, readSignaturesIn } from './key-files.ts';
export type { PublicKey, Signature } from 'openpgp';
export { createSigningKey, loadSigningKey } from './signing-key.ts';
export type { NewSigningKey, SigningKey } from './signing-key.ts';
export { NO_TRUSTED_KEYS, readTrustedKeys } from './trusted-keys.ts';
export type { TrustedKeys } from './trusted-keys.ts';
export { verifySignedFile, withSigner } from './verify-signed-file.ts';
export type { SignedFile } from './verify-signed-file.ts';
