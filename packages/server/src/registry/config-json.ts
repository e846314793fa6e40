/** Where cargo finds what the index does not hold. */
export interface RegistryConfig {
  /** Without a marker, cargo appends `/{crate}/{version}/download`. */
  readonly dl: string;
  /** Base of `/api/v1/crates`, for `cargo search`; undefined when there is no such thing. */
  readonly api?: string | undefined;
}

/**
 * The `config.json` of a registry, ended by a newline.
 *
 * @see https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration
 */
export function configJson({ dl, api }: RegistryConfig): string {
  return `${JSON.stringify({ dl, api: api ?? null })}\n`;
}
