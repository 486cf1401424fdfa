/**
 * Language and theme: from the browser, until the viewer chooses; stored in the browser.
 * In: the two switches. Out: t(), the page's attributes.
 */
import type { Failure } from '../api/client.ts';
import { loadTexts, onPackNeeded } from '../text/further/further.ts';
import { chooseLanguage, isTextKey, type Language, languageNames, type TextKey, text } from '../text/text.ts';
import {
  clockTime,
  dayName,
  hourMinute,
  lengthWords,
  momentText,
  monthDay,
  numberText,
  percentText,
  sizeText,
} from '../time/format.ts';
import { readStored, store } from './storage.ts';

/** `system` follows the operating system. */
export type Theme = 'system' | 'light' | 'dark';

/** All themes, in the order of the menu. */
export const themes: readonly Theme[] = ['system', 'light', 'dark'];

class Preferences {
  /** Another object when the language or its texts have changed: what is shown follows both. */
  #texts = $state.raw<{ readonly language: Language }>({ language: 'en' });
  #chosen: Language;
  #theme = $state<Theme>('system');
  #applied = false;

  constructor() {
    const language = readStored('oxbow.language') ?? '';
    this.#chosen = Object.hasOwn(languageNames, language) ? language : chooseLanguage(navigator.languages);
    this.#texts = { language: this.#chosen };
    this.#theme = themes.find((theme) => theme === readStored('oxbow.theme')) ?? 'system';
    onPackNeeded(() => void this.ready());
    void this.ready();
  }

  /**
   * Resolves when the texts that the loaded parts of the page need are there, or cannot be loaded. Never
   * rejects.
   */
  async ready(): Promise<void> {
    const language = this.#chosen;
    const hasMore = await loadTexts(language);
    if (language !== this.#chosen || (!hasMore && language === this.#texts.language)) return;
    this.#texts = { language };
    this.#apply();
  }

  /**
   * Applies the choices to this page, now and after each change. A player on another site does not change
   * that page.
   */
  apply(): void {
    this.#applied = true;
    this.#apply();
  }

  get language(): Language {
    return this.#texts.language;
  }

  set language(language: Language) {
    this.#chosen = language;
    store('oxbow.language', language);
    void this.ready();
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    store('oxbow.theme', theme);
    this.#apply();
  }

  #apply(): void {
    if (!this.#applied) return;
    document.documentElement.lang = this.#texts.language;
    document.documentElement.dataset.theme = this.#theme;
  }
}

/** The viewer's choices; reading them in a component follows them. */
export const preferences = new Preferences();

/** The text of a key in the viewer's language. */
export function t(key: TextKey, values?: Readonly<Record<string, string | number>>): string {
  return text(preferences.language, key, values);
}

/**
 * Formats times, lengths, numbers and sizes in the viewer's language and time zone. Milliseconds are unix,
 * lengths seconds, sizes bytes.
 */
export const formatter = {
  clock: (atMs: number) => clockTime(atMs, { locale: preferences.language }),
  hour: (atMs: number) => hourMinute(atMs, { locale: preferences.language }),
  day: (atMs: number) => dayName(atMs, { locale: preferences.language }),
  monthDay: (atMs: number) => monthDay(atMs, { locale: preferences.language }),
  moment: (atMs: number, nowMs: number) => momentText(atMs, nowMs, { locale: preferences.language }),
  number: (value: number, digits = 0) => numberText(value, digits, { locale: preferences.language }),
  percent: (share: number) => percentText(share, { locale: preferences.language }),
  size: (bytes: number) => sizeText(bytes, { locale: preferences.language }),
  length: (seconds: number) => {
    const { key, values } = lengthWords(seconds);
    return t(key, values);
  },
};

/** Title and hint of a failure: from the catalogue, otherwise the server's. */
export function failureText(failure: Failure): { title: string; hint: string } {
  const title = `failure.${failure.code}`;
  const hint = `${title}.hint`;
  const translated = isTextKey(title) && isTextKey(hint) ? { title: t(title), hint: t(hint) } : null;
  const server = failure.title ? { title: failure.title, hint: failure.hint } : null;
  return translated ?? server ?? { title: t('failure.unreadable'), hint: failure.code };
}
