// How to talk to an upstream: limits, retries, rates. Exported as @mirror/core/net, for threads that should load no more than that.
export { createHttpPolicy, trustedCertificates } from './http-policy.ts';
export type { HttpPolicy, HttpPolicyOptions, ProxySettings } from './http-policy.ts';
export { parseListen } from './parse-listen.ts';
export type { ListenAddress } from './parse-listen.ts';
export { createRateLimit } from './rate-limit.ts';
export type { RateLimit } from './rate-limit.ts';
export { redactUrls } from './redact.ts';
export { DEFAULT_RETRY, isPermanent, isRetryableStatus, parseRetryAfter, pause, retryDelayMs } from './retry.ts';
export type { RetryPolicy } from './retry.ts';
export { MAX_HEADER_BYTES, createDispatcher } from './undici-dispatcher.ts';
