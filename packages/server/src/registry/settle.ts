/** The outcome of work that is done at once, for an interface that lets others wait. */
export async function settle<T>(work: () => T): Promise<T> {
  await Promise.resolve();
  return work();
}
