/** Text that is HTML already. */
export interface Html {
  readonly html: string;
}

/** What may stand between the parts of a template; text is escaped. */
export type Content = string | number | Html | undefined | readonly Content[];

/** A template whose values are escaped, so that nothing from an index or a request becomes markup. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return { html: parts.map((part, i) => part + (i < values.length ? render(values[i]) : '')).join('') };
}

/** `text` with everything that means something in HTML, attributes in quotes included, written otherwise. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (char) => `&#${String(char.charCodeAt(0))};`);
}

function render(content: Content): string {
  if (content === undefined) return '';
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return String(content);
  return 'html' in content ? content.html : content.map(render).join('');
}
