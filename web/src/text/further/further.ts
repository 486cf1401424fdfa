/**
 * Loads the texts of a language when a page needs them: a page has English, as the reference and the
 * fall-back, and the packs of its reader's language.
 * In: packs.ts, and which packs the loaded parts of the page need. Out: text.ts.
 */
import { type Catalogue, furtherLanguages, type Text } from './packs.ts';

/** The pack of the texts that every page has. */
const START = 'start';
const needed = new Set([START]);
const loaded = new Map<string, Record<string, Text>>();
const requests = new Map<string, Promise<void>>();
let listener: () => void = () => {};

/** Sets the listener for packs that become needed later, with a part of the page. */
export function onPackNeeded(onNeeded: () => void): void {
  listener = onNeeded;
}

/** A loaded part of the page has texts in this pack. */
export function needPack(pack: string): void {
  if (needed.has(pack)) return;
  needed.add(pack);
  listener();
}

/**
 * Loads the needed packs of a language. Never rejects: English is shown for what cannot be loaded, and the
 * next call tries again.
 *
 * @param languages all that have packs
 * @returns whether there are texts that were not there before the call
 */
export async function loadTexts(language: string, languages = furtherLanguages): Promise<boolean> {
  const packs = Object.entries(languages[language]?.packs ?? {}).filter(([pack]) => needed.has(pack));
  const before = sizeOf(language);
  await Promise.all(packs.map(([pack, load]) => loadPack(language, pack, load)));
  return sizeOf(language) > before;
}

/** The text of a key in a language with packs; undefined if it is not loaded or does not exist. */
export function furtherText(language: string, key: string): Text | undefined {
  return loaded.get(language)?.[key];
}

function sizeOf(language: string): number {
  return Object.keys(loaded.get(language) ?? {}).length;
}

function loadPack(language: string, pack: string, load: () => Promise<{ readonly default: Catalogue }>): Promise<void> {
  const key = `${language} ${pack}`;
  const before = requests.get(key);
  if (before) return before;
  const request = load().then(
    (module) => {
      loaded.set(language, Object.assign(loaded.get(language) ?? {}, module.default));
    },
    () => {
      requests.delete(key);
    },
  );
  requests.set(key, request);
  return request;
}
