/** `127.0.0.1:80`, `[::1]:80`; an IPv4 address that was mapped into IPv6 is shown as itself. */
export function hostPort(host: string, port: number): string {
  const shown = host.replace(/^::ffff:(?=\d+\.)/, '');
  return `${shown.includes(':') ? `[${shown}]` : shown}:${String(port)}`;
}
