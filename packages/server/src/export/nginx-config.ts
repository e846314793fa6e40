import { MirrorError } from '@mirror/core';

/**
 * Locations for nginx, to be included in a `server` block, that serve the exported tree in `dir` below `basePath`: the same addresses,
 * types and caching as the server itself, and 404 for what is not there.
 *
 * @param basePath - as in a URL, percent-encoded; nginx compares what it has decoded
 * @throws {MirrorError} ERR_CONFIG when `dir` holds a character that nginx cannot be given in a path at all
 */
export function nginxConfig(dir: string, basePath: string): string {
  // a dollar sign begins a variable wherever a path may hold one, and cannot be escaped
  if (/[$\u0000-\u001f\u007f]/.test(dir))
    throw new MirrorError('ERR_CONFIG', `${JSON.stringify(dir)}: expected a path without $ and control characters`, {
      hint: 'nginx could not be told of it: export into another folder',
    });
  const base = decoded(basePath.replace(/\/$/, ''));
  const at = (location: string): string => quoted(base + location);
  const file = (name: string): string => quoted(`${dir}/${name}`);
  return `# A crate registry as plain files. Include this inside a server { } block:
#   include ${quoted(withoutPatterns(`${dir}/nginx.conf`))};
# The user that nginx runs as must be able to read ${dir}, and what symbolic links in it lead to.

location = ${at('/index/config.json')} {
    alias ${file('index/config.json')};
    types { }
    default_type application/json;
    etag on;
    add_header Cache-Control "no-cache";
}

location ^~ ${at('/index/')} {
    alias ${file('index/')};
    types { }
    default_type text/plain;
    charset utf-8;
    etag on;
    gzip on;
    gzip_vary on;
    gzip_proxied any;
    gzip_min_length 512;
    gzip_types text/plain;
    add_header Cache-Control "public, max-age=60";
    # a folder is not something to be forbidden or to be sent to, it is nothing
    if (-d $request_filename) { return 404; }
}

location ^~ ${at('/crates/')} {
    alias ${file('crates/')};
    types { }
    default_type application/gzip;
    etag on;
    gzip off;
    sendfile on;
    tcp_nopush on;
    add_header Cache-Control "public, max-age=31536000, immutable";
    # a folder is not something to be forbidden or to be sent to, it is nothing
    if (-d $request_filename) { return 404; }
}

location = ${at('/')} {
    alias ${file('')};
    index index.html;
}

location = ${at('/index.html')} {
    alias ${file('index.html')};
    types { }
    default_type text/html;
    charset utf-8;
}

location = ${at('/style.css')} {
    alias ${file('style.css')};
    types { }
    default_type text/css;
}

location = ${at('/favicon.svg')} {
    alias ${file('favicon.svg')};
    types { }
    default_type image/svg+xml;
}
`;
}

/** A word of the configuration: in quotes only a backslash and a quotation mark have a meaning. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** `include` takes a path with such a character for a pattern, in which a backslash takes the meaning away. */
function withoutPatterns(file: string): string {
  return /[*?[]/.test(file) ? file.replace(/[\\*?[\]]/g, '\\$&') : file;
}

function decoded(urlPath: string): string {
  try {
    return decodeURIComponent(urlPath);
  } catch {
    return urlPath; // no percent-encoding that anybody could decode
  }
}
