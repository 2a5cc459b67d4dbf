// The pages of the findings as values: as much of Markdown as they are written in. Links are told by their words, as the
// page leads nowhere else.

export interface Inline {
  readonly kind: 'text' | 'code' | 'strong';
  readonly text: string;
}

export type Block =
  | { readonly kind: 'head' | 'words'; readonly words: Inline[] }
  | { readonly kind: 'list'; readonly items: Inline[][] }
  | { readonly kind: 'code'; readonly text: string };

export function blocks(page: string): Block[] {
  const out: Block[] = [];
  let code: string[] | null = null;
  let words: string[] = [];
  let items: string[] = [];
  const end = () => {
    if (words.length > 0) out.push({ kind: 'words', words: inline(words.join(' ')) });
    if (items.length > 0) out.push({ kind: 'list', items: items.map(inline) });
    words = [];
    items = [];
  };
  for (const line of page.split('\n')) {
    if (line.startsWith('```')) {
      if (code === null) end();
      else out.push({ kind: 'code', text: code.join('\n') });
      code = code === null ? [] : null;
    } else if (code !== null) code.push(line);
    else if (line.trim() === '') end();
    else if (/^#+ /.test(line)) {
      end();
      out.push({ kind: 'head', words: inline(line.replace(/^#+ /, '')) });
    } else if (/^(-|\d+\.) /.test(line)) {
      if (words.length > 0) end();
      items.push(line.replace(/^(-|\d+\.) /, ''));
    } else if (items.length > 0 && /^\s/.test(line)) items.push(`${items.pop() ?? ''} ${line.trim()}`);
    else {
      if (items.length > 0) end();
      words.push(line.trim());
    }
  }
  if (code !== null) out.push({ kind: 'code', text: code.join('\n') });
  end();
  return out;
}

/** Code between backticks, what is said with weight between stars, and links without where they lead. */
export function inline(text: string): Inline[] {
  const plain = text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return plain
    .split(/(`[^`]+`|\*{1,2}[^*`]+\*{1,2})/)
    .filter((part) => part !== '')
    .map((part): Inline => {
      if (part.startsWith('`') && part.length > 2) return { kind: 'code', text: part.slice(1, -1) };
      if (/^\*.+\*$/.test(part)) return { kind: 'strong', text: part.replace(/^\*+|\*+$/g, '') };
      return { kind: 'text', text: part };
    });
}
