/**
 * Language and theme: what the browser says, until the viewer chooses; remembered in the browser.
 * In: the two switches. Out: t(), the page's attributes.
 */
import type { Failure } from '../api/client.ts';
import { catalogues, chooseLanguage, isTextKey, type Language, type TextKey, text } from '../text/text.ts';
import { clockTime, dayName, hourMinute, lengthWords, momentText, sizeText } from '../time/format.ts';

/** `system` follows the machine. */
export type Theme = 'system' | 'light' | 'dark';

/** All themes, in the order in which they are offered. */
export const themes: readonly Theme[] = ['system', 'light', 'dark'];

function remembered(key: string): string {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return ''; // storage forbidden: nothing is remembered
  }
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage forbidden: the choice lasts as long as the page.
  }
}

class Preferences {
  #language = $state<Language>('en');
  #theme = $state<Theme>('system');
  #applied = false;

  constructor() {
    const language = remembered('oxbow.language');
    this.#language = Object.hasOwn(catalogues, language) ? (language as Language) : chooseLanguage(navigator.languages);
    this.#theme = themes.find((theme) => theme === remembered('oxbow.theme')) ?? 'system';
  }

  /** Puts the choices on this page, and each later one. A player on another host's page leaves that page alone. */
  apply(): void {
    this.#applied = true;
    this.#apply();
  }

  get language(): Language {
    return this.#language;
  }

  set language(language: Language) {
    this.#language = language;
    remember('oxbow.language', language);
    this.#apply();
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    remember('oxbow.theme', theme);
    this.#apply();
  }

  #apply(): void {
    if (!this.#applied) return;
    document.documentElement.lang = this.#language;
    document.documentElement.dataset.theme = this.#theme;
  }
}

/** The viewer's choices; reading them in a component follows them. */
export const preferences = new Preferences();

/** The sentence of that name in the viewer's language. */
export function t(key: TextKey, values?: Readonly<Record<string, string | number>>): string {
  return text(preferences.language, key, values);
}

/** Moments, lengths and sizes in the viewer's language and zone. Milliseconds are unix, lengths seconds, sizes bytes. */
export const formatter = {
  clock: (atMs: number) => clockTime(atMs, { locale: preferences.language }),
  hour: (atMs: number) => hourMinute(atMs, { locale: preferences.language }),
  day: (atMs: number) => dayName(atMs, { locale: preferences.language }),
  moment: (atMs: number, nowMs: number) => momentText(atMs, nowMs, { locale: preferences.language }),
  size: (bytes: number) => sizeText(bytes, { locale: preferences.language }),
  length: (seconds: number) => {
    const { key, values } = lengthWords(seconds);
    return t(key, values);
  },
};

/** A failure's title and hint: the catalogue's, or the server's own words where the catalogue has none. */
export function failureText(failure: Failure): { title: string; hint: string } {
  const title = `failure.${failure.code}`;
  const hint = `${title}.hint`;
  const own = isTextKey(title) && isTextKey(hint) ? { title: t(title), hint: t(hint) } : null;
  const server = failure.title ? { title: failure.title, hint: failure.hint } : null;
  return own ?? server ?? { title: t('failure.unreadable'), hint: failure.code };
}
