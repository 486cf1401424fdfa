/**
 * Names of users: which are valid, and which look the same.
 * In: text that someone typed. Out: the name as it is shown, and the key by which names are unique. Unicode
 * UAX 15, UTS 39.
 */
import { OxbowError } from '../../lib/errors.ts';

/** Most characters of a name, in code points. */
const MAX_NAME = 32;

/**
 * Controls, format characters (also bidirectional ones), unassigned and private ones, separators but the
 * space, and invisible characters.
 */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u;
/** More marks on one letter than any language has. */
const STACKED = /\p{M}{4}/u;
const SHOWN = /[\p{L}\p{N}\p{S}\p{P}]/u;
/** Names that speak for the server. */
const RESERVED: ReadonlySet<string> = new Set(['admin', 'administrator', 'oxbow', 'root', 'system', 'moderator']);
/**
 * Letters of other scripts, digits and signs that look like letters of the reserved names, in lower case.
 * Unicode UTS 39 4.
 */
const LIKE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'аαɑᴀ⍺ⲁꭺꓮ𐊠4@',
    b: 'вβƅьʙꮟꓐ',
    d: 'ԁɗᴅꭰꓒꓓ',
    e: 'еҽεєɛᴇꭼꓰ3',
    i: 'іιıɪӏꭵꓲⲓǀl|!1',
    m: 'мᴍꮇꓟⲙϻ',
    n: 'ոռɴꓠηⲛ',
    o: 'оοօᴏⲟꓳס0',
    r: 'гᴦʀꮁꓣⲅ',
    s: 'ѕꜱʂꮪꓢ5$',
    t: 'тτᴛꭲꓔⲧ7',
    w: 'ѡωԝᴡꮃꓪաⲱ',
    x: 'хχⲭꓫ×',
    y: 'уүγʏꭹꓬⲩ',
    v: 'ν',
    p: 'ρ',
  }).flatMap(([letter, others]) => [...others].map((other) => [other, letter] as const)),
);

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

/**
 * What a name looks like: without marks, spaces and punctuation, with letters of one script; `rn` as `m`,
 * `vv` as `w`.
 */
function skeletonOf(name: string): string {
  const letters = [...nameKeyOf(name).normalize('NFKD')].map((letter) => LIKE.get(letter) ?? letter);
  return letters
    .join('')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w');
}
