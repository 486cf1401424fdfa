/**
 * Names of users: what is a name, and which names look the same.
 * In: text that someone typed. Out: the name as it is shown, and the key by which names are unique. Unicode UAX 15, UTS 39.
 */
import { OxbowError } from '../../lib/errors.ts';

/** Most characters of a name, in code points. */
export const MAX_NAME = 32;

/** Controls, format characters (also bidirectional ones), unassigned and private ones, separators but the space, and what is not shown. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u;
/** More marks on one letter than any language has. */
const STACKED = /\p{M}{4}/u;
const SHOWN = /[\p{L}\p{N}\p{S}\p{P}]/u;
/** Names that speak for the server. */
const RESERVED: ReadonlySet<string> = new Set(['admin', 'administrator', 'oxbow', 'root', 'system', 'moderator']);
/** Letters of other scripts, and digits, that look like letters of the reserved names. */
const LIKE: Readonly<Record<string, string>> = {
  ...{ а: 'a', е: 'e', о: 'o', м: 'm', т: 't', у: 'y', х: 'x', ѕ: 's', і: 'i', ԁ: 'd', ѡ: 'w', в: 'b', г: 'r' },
  ...{ α: 'a', ο: 'o', ν: 'v', ι: 'i', χ: 'x', ω: 'w', τ: 't', ρ: 'p', ı: 'i' },
  ...{ '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's', '|': 'i', '!': 'i', l: 'i' },
};

/**
 * A name as it is shown: NFC, without spaces at its ends, with single spaces inside.
 *
 * @param mayBeReserved administrators may give a user a name such as `admin`
 * @throws OxbowError `bad-user-name`
 */
export function readName(text: string, { mayBeReserved = false } = {}): string {
  const name = text.normalize('NFC').trim().replace(/ {2,}/g, ' ');
  const refuse = (why: string): never => {
    throw new OxbowError('bad-user-name', `The name ${why}.`);
  };
  if (name === '') refuse('is empty');
  if ([...name].length > MAX_NAME) refuse(`is longer than ${MAX_NAME} characters`);
  if (HIDDEN.test(name)) refuse('has characters that are not shown');
  if (STACKED.test(name) || !SHOWN.test(name)) refuse('has no letters, or more marks than letters');
  if (!mayBeReserved && RESERVED.has(skeletonOf(name))) refuse('is reserved');
  return name;
}

/** The key of a name: names with the same key are the same name. NFKC and case folding. */
export function nameKeyOf(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFKC').trim();
}

/** What a name looks like: without marks, spaces and punctuation, with letters of one script. */
function skeletonOf(name: string): string {
  const letters = [...nameKeyOf(name).normalize('NFKD')].map((letter) => LIKE[letter] ?? letter);
  return letters.join('').replace(/[^\p{L}\p{N}]/gu, '');
}
