import { MirrorError } from '@mirror/core';

/**
 * Locations for nginx, to be included in a `server` block, that serve the exported tree in `dir` below `basePath`: the same addresses,
 * types and caching as the server itself, and 404 for what is not there.
 *
 * @throws {MirrorError} ERR_CONFIG when `dir` holds a character that has a meaning in nginx's configuration
 */
export function nginxConfig(dir: string, basePath: string): string {
  // nginx cannot escape a dollar sign in a path at all
  if (/[$"\\\n\r;{}]/.test(dir))
    throw new MirrorError('ERR_CONFIG', `${dir}: expected a path without $ " \\ ; { } and line ends`, {
      hint: 'nginx could not read it',
    });
  const base = basePath.replace(/\/$/, '');
  return `# A crate registry as plain files. Include this inside a server { } block:
#   include "${dir}/nginx.conf";
# The user that nginx runs as must be able to read ${dir}, and what symbolic links in it lead to.

location = ${base}/index/config.json {
    alias "${dir}/index/config.json";
    types { }
    default_type application/json;
    add_header Cache-Control "no-cache";
}

location ${base}/index/ {
    alias "${dir}/index/";
    types { }
    default_type text/plain;
    charset utf-8;
    gzip on;
    gzip_vary on;
    gzip_min_length 512;
    gzip_types text/plain;
    add_header Cache-Control "public, max-age=60";
    error_page 403 = @mirror_nothing_here;
}

location ${base}/crates/ {
    alias "${dir}/crates/";
    types { }
    default_type application/gzip;
    gzip off;
    sendfile on;
    tcp_nopush on;
    add_header Cache-Control "public, max-age=31536000, immutable";
    error_page 403 = @mirror_nothing_here;
}

location = ${base}/ {
    rewrite ^ ${base}/index.html last;
}

location = ${base}/index.html {
    alias "${dir}/index.html";
    types { }
    default_type text/html;
    charset utf-8;
}

location = ${base}/style.css {
    alias "${dir}/style.css";
    types { }
    default_type text/css;
}

location = ${base}/favicon.svg {
    alias "${dir}/favicon.svg";
    types { }
    default_type image/svg+xml;
}

# a folder is not something to be forbidden, it is nothing
location @mirror_nothing_here {
    return 404;
}
`;
}
