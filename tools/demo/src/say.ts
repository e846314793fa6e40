/** Tell the story of the demo. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
