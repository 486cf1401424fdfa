/**
 * The text of a message as parts: text, links, mentions.
 * In: a message and the names of the room. Out: parts in order; joined they are the text. Pure.
 */
import { findMentions } from '../../../../src/api/room/mentions.ts';

/** A part. `user`: id of the mentioned member. */
type MessagePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly url: string }
  | { readonly kind: 'mention'; readonly text: string; readonly user: string };

const LINK = /https?:\/\/[^\s<>"']+/g;
/** Most links of a message; the others are text. */
const MAX_LINKS = 20;

/**
 * Splits a text.
 *
 * @param find id of the user of a name, as `mentionKey` writes it
 */
export function messageParts(text: string, find: (key: string) => string | undefined): readonly MessagePart[] {
  const marks: { readonly from: number; readonly to: number; readonly part: MessagePart }[] = [];
  for (const { index, 0: match } of text.matchAll(LINK)) {
    if (marks.length >= MAX_LINKS) break;
    const url = withoutEnd(match);
    if (!URL.canParse(url)) continue;
    marks.push({ from: index, to: index + url.length, part: { kind: 'link', text: url, url } });
  }
  for (const { from, to, user } of findMentions(text, find)) {
    if (marks.some((mark) => from < mark.to && to > mark.from)) continue; // an @ inside an address
    marks.push({ from, to, part: { kind: 'mention', text: text.slice(from, to), user } });
  }
  marks.sort((a, b) => a.from - b.from);
  const parts: MessagePart[] = [];
  let at = 0;
  for (const { from, to, part } of marks) {
    if (from > at) parts.push({ kind: 'text', text: text.slice(at, from) });
    parts.push(part);
    at = to;
  }
  if (at < text.length) parts.push({ kind: 'text', text: text.slice(at) });
  return parts;
}

/**
 * A link without the punctuation of the sentence around it; a closing bracket belongs to it if it opened
 * there.
 */
function withoutEnd(url: string): string {
  const end = url.replace(/[.,;:!?，。；：！？、]+$/, '');
  const isOpened = !end.endsWith(')') || end.split('(').length >= end.split(')').length;
  return isOpened ? end : withoutEnd(end.slice(0, -1));
}

/** A text of more characters, or more lines, is folded: one message does not fill the list. */
const FOLDED_LENGTH = 600;
const FOLDED_LINES = 10;

/** Whether a text is folded until the reader wants all of it. */
export function isLongText(text: string): boolean {
  return text.length > FOLDED_LENGTH || text.split('\n', FOLDED_LINES + 1).length > FOLDED_LINES;
}
