/**
 * Completion of mentions while a message is written.
 * In: the text and the place of the caret. Out: which names fit, the text with one of them. Pure.
 */
import { mentionKey } from '../../../../src/api/room/mentions.ts';

/** A mention that is being written. */
export interface OpenMention {
  /** Where its `@` is. */
  readonly from: number;
  /** What is written of the name. */
  readonly typed: string;
}

/** Most names that are offered. */
const MOST = 8;

/** The mention at the caret; null if there is none. */
export function openMention(text: string, caret: number): OpenMention | null {
  const found = /(?:^|[^\p{L}\p{N}_@])@([\p{L}\p{N}_.-]{0,32})$/u.exec(text.slice(0, caret));
  return found ? { from: caret - found[1]!.length - 1, typed: found[1]! } : null;
}

/** The names that fit: those that begin with what is typed, then those with a word that does. */
export function matchingNames<T extends { readonly name: string }>(people: readonly T[], typed: string): readonly T[] {
  const key = mentionKey(typed);
  const rank = ({ name }: T): number => {
    const own = mentionKey(name);
    if (own.startsWith(key)) return 0;
    return own.split(/\s+/).some((word) => word.startsWith(key)) ? 1 : 2;
  };
  return people
    .map((one) => ({ one, rank: rank(one) }))
    .filter(({ rank }) => rank < 2)
    .sort((a, b) => a.rank - b.rank || a.one.name.localeCompare(b.one.name))
    .slice(0, MOST)
    .map(({ one }) => one);
}

/** The text with a chosen name in place of what was typed, and the caret after it. */
export function completed(
  text: string,
  { from, typed }: OpenMention,
  name: string,
): { readonly text: string; readonly caret: number } {
  const before = `${text.slice(0, from)}@${name} `;
  const rest = text.slice(from + 1 + typed.length).replace(/^ /, '');
  return { text: before + rest, caret: before.length };
}
