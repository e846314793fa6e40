/** Tell the story of the demo. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Say why there is no story. */
export function complain(text: string): void {
  process.stderr.write(`error: ${text}\n`);
}
