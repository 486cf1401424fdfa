/**
 * Suggests the name of a new stream.
 * In: the source's title, its address, existing names. Out: a valid name. Pure.
 */

/** Longer names are cut at a word. */
const MOST = 40;

/**
 * The title in lower case if it has enough Latin letters, otherwise the host; numbered if it is taken.
 *
 * @param title of a page or a stream; may be empty
 * @param address the pasted address, any text
 */
export function suggestName(title: string, address: string, taken: readonly string[]): string {
  const host = URL.parse(address.trim())?.hostname.replace(/^www\./, '') ?? '';
  const base = [slug(title), slug(host)].find((text) => text.length >= 3) ?? 'stream';
  let name = base;
  for (let number = 2; taken.includes(name); number++) name = `${base}-${number}`;
  return name;
}

function slug(text: string): string {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const words = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  if (words.length <= MOST) return words;
  const cut = words.slice(0, MOST + 1);
  return cut.slice(0, Math.max(cut.lastIndexOf('-'), 20)).replace(/-+$/, '');
}
