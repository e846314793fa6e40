export const A = '/crates/a/a-1.0.0.crate';
