import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The links of a page that lead nowhere: to a file that is not there, or to a heading that its page does not have. Links to other sites are not
 * looked at.
 *
 * @param file - path of the page, absolute
 * @param readPage - the text of a page by its absolute path
 */
export function brokenLinks(file: string, readPage: (file: string) => string): readonly string[] {
  const page = readPage(file)
    .replace(/^ *(```+)[\s\S]*?^ *\1$/gm, '')
    .replace(/`[^`\n]*`/g, '');
  const links = [...page.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(file, link, readPage));
}

function leadsSomewhere(file: string, link: string, readPage: (file: string) => string): boolean {
  const [place = '', heading] = link.split('#');
  const target = place === '' ? file : path.resolve(path.dirname(file), place);
  if (!existsSync(target)) return false;
  if (heading === undefined) return true;
  const page = target.endsWith('.md') ? target : path.join(target, 'README.md');
  return heading === 'readme' ? existsSync(page) : existsSync(page) && headingsOf(readPage(page)).includes(heading);
}

/** The names under which the headings of a page can be linked to, made as GitHub makes them. */
function headingsOf(page: string): readonly string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
