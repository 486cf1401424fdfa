/**
 * Mentions in the text of a message: `@` and a name.
 * In: a text, the names of a room. Out: where the mentions are. Pure; the server stores the users, the
 * interface marks the names.
 */

/** Most mentions of one message; the others are text. */
const MAX_MENTIONS = 20;
/** Longest name that is looked up, characters. */
const MAX_NAME = 64;
/** A name may have spaces: this many words are tried. */
const MAX_WORDS = 4;

export interface Mention {
  /** Where it is in the text, with its `@`: [from, to). */
  readonly from: number;
  readonly to: number;
  /** Id of the user. */
  readonly user: string;
}

/** The form in which names are compared. */
export function mentionKey(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/**
 * Finds the mentions of a text. Of several names that match at a place the longest counts.
 *
 * @param find id of the user of a name, as `mentionKey` returns it
 */
export function findMentions(text: string, find: (key: string) => string | undefined): Mention[] {
  const mentions: Mention[] = [];
  for (const { index } of text.matchAll(/(?<![\p{L}\p{N}_@])@/gu)) {
    if (mentions.length >= MAX_MENTIONS) break;
    if (index < (mentions.at(-1)?.to ?? 0)) continue;
    const tail = text.slice(index + 1, index + 1 + MAX_NAME + MAX_WORDS);
    for (const name of candidates(tail)) {
      const user = find(mentionKey(name));
      if (user === undefined) continue;
      mentions.push({ from: index, to: index + 1 + name.length, user });
      break;
    }
  }
  return mentions;
}

/**
 * The names that a text may begin with, longest first: whole words, with and without the punctuation at their
 * end.
 */
function* candidates(text: string): Generator<string> {
  const ends = Array.from(text.matchAll(/\S+/g), ({ index, 0: word }) => index + word.length).slice(0, MAX_WORDS);
  if (!/^\S/.test(text)) return;
  for (const end of ends.reverse()) {
    const name = text.slice(0, end);
    yield name;
    const trimmed = name.replace(/[\p{P}\p{S}]+$/u, '');
    if (trimmed !== '' && trimmed !== name) yield trimmed;
  }
  // Scripts without spaces between words: the name ends where punctuation begins.
  const first = /^[\p{L}\p{N}_-]+/u.exec(text)?.[0];
  if (first !== undefined) yield first;
}
