/** `1536` → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]!}`;
}

/** `5025000` → `1h23m45s`; below a minute with a decimal, from two days on in days and hours. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '?';
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  if (hours >= 48) return `${String(Math.floor(hours / 24))}d${String(hours % 24)}h`;
  const rest = `${String(Math.floor((seconds % 3600) / 60))}m${String(seconds % 60).padStart(2, '0')}s`;
  return hours === 0 ? rest : `${String(hours)}h${rest}`;
}
