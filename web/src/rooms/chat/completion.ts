/**
 * Completion of mentions while a message is written.
 * In: the text and the place of the caret. Out: which names fit, the text with one of them. Pure.
 */
import { mentionKey } from '../../../../src/api/room/mentions.ts';

/** A mention that is being written. */
interface OpenMention {
  /** Where its `@` is. */
  readonly from: number;
  /** The typed part of the name. */
  readonly typed: string;
}

/** Most names that are offered. */
const MOST = 8;

/** The mention at the caret; null if there is none. */
export function openMention(text: string, caret: number): OpenMention | null {
  const match = /(?:^|[^\p{L}\p{N}_@])@([\p{L}\p{N}_.-]{0,32})$/u.exec(text.slice(0, caret));
  return match ? { from: caret - match[1]!.length - 1, typed: match[1]! } : null;
}

/** The names that fit: those that begin with the typed text, then those with a word that does. */
export function matchingNames<T extends { readonly name: string }>(people: readonly T[], typed: string): readonly T[] {
  const key = mentionKey(typed);
  const rank = ({ name }: T): number => {
    const nameKey = mentionKey(name);
    if (nameKey.startsWith(key)) return 0;
    return nameKey.split(/\s+/).some((word) => word.startsWith(key)) ? 1 : 2;
  };
  return people
    .map((person) => ({ person, rank: rank(person) }))
    .filter(({ rank }) => rank < 2)
    .sort((a, b) => a.rank - b.rank || a.person.name.localeCompare(b.person.name))
    .slice(0, MOST)
    .map(({ person }) => person);
}

/** The text with a chosen name in place of the typed text, and the caret after it. */
export function completed(
  text: string,
  { from, typed }: OpenMention,
  name: string,
): { readonly text: string; readonly caret: number } {
  const before = `${text.slice(0, from)}@${name} `;
  const after = text.slice(from + 1 + typed.length).replace(/^ /, '');
  return { text: before + after, caret: before.length };
}
