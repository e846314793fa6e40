import { MirrorError } from '@mirror/core/errors';

/** The error for a repository whose objects have other names than SHA-1. */
export function otherObjectFormat(url: string, format: string): MirrorError {
  return new MirrorError('ERR_HTTP', `${url}: a repository that names its objects by ${format}, expected sha1`, {
    hint: 'an index is served from a repository made with --object-format=sha1',
  });
}
