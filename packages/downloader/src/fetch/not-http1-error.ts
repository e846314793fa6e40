import { TransportError } from './transport.ts';

/** A server that does not speak HTTP/1.1 as we do: another transport may have more luck. */
export class NotHttp1Error extends TransportError {
  constructor(message: string, cause?: unknown) {
    super('broken', message, cause);
  }
}
