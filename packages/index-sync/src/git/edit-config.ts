/**
 * The text of a file of git's settings after `section` (as between the brackets: `remote "origin"`) got `key = value`: in place of
 * the last such line, else after the heading, else as a new section. Every other line stays as it is.
 */
export function withSetting(text: string, section: string, key: string, value: string): string {
  const lines = text.split('\n');
  const isHeading = (line: string): boolean => line.trim().toLowerCase() === `[${section.toLowerCase()}]`;
  const setting = `\t${key} = ${quoted(value)}`;
  let inSection = false;
  let heading = -1;
  let found = -1;
  lines.forEach((line, n) => {
    if (line.trimStart().startsWith('[')) inSection = isHeading(line);
    if (isHeading(line)) heading = n;
    else if (
      inSection &&
      line
        .trim()
        .toLowerCase()
        .replace(/\s*=.*$/, '') === key
    )
      found = n;
  });
  if (found >= 0) lines[found] = setting;
  else if (heading >= 0) lines.splice(heading + 1, 0, setting);
  else return `${text === '' || text.endsWith('\n') ? text : `${text}\n`}[${section}]\n${setting}\n`;
  return lines.join('\n');
}

function quoted(value: string): string {
  return /^[^\s"#;\\]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}
