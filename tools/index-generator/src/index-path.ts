/**
 * Where the index keeps the crate `name`: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcdef`, always in lower case.
 *
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#index-files
 */
export function indexPath(name: string): string {
  const lower = name.toLowerCase();
  if (lower.length <= 2) return `${lower.length}/${lower}`;
  if (lower.length === 3) return `3/${lower[0]}/${lower}`;
  return `${lower.slice(0, 2)}/${lower.slice(2, 4)}/${lower}`;
}
