/**
 * The interface's sentences in its languages: a catalogue each, with the same keys, in a file per area of the interface.
 * In: a key and values. Out: a sentence. Pure.
 */
import enAdmin from './en/admin.json' with { type: 'json' };
import enClips from './en/clips.json' with { type: 'json' };
import enDocs from './en/docs.json' with { type: 'json' };
import enHome from './en/home.json' with { type: 'json' };
import enRecord from './en/record.json' with { type: 'json' };
import enShell from './en/shell.json' with { type: 'json' };
import enTimeline from './en/timeline.json' with { type: 'json' };
import enWatch from './en/watch.json' with { type: 'json' };
import zhAdmin from './zh-CN/admin.json' with { type: 'json' };
import zhClips from './zh-CN/clips.json' with { type: 'json' };
import zhDocs from './zh-CN/docs.json' with { type: 'json' };
import zhHome from './zh-CN/home.json' with { type: 'json' };
import zhRecord from './zh-CN/record.json' with { type: 'json' };
import zhShell from './zh-CN/shell.json' with { type: 'json' };
import zhTimeline from './zh-CN/timeline.json' with { type: 'json' };
import zhWatch from './zh-CN/watch.json' with { type: 'json' };

const en = { ...enAdmin, ...enClips, ...enDocs, ...enHome, ...enRecord, ...enShell, ...enTimeline, ...enWatch };
const zh = { ...zhAdmin, ...zhClips, ...zhDocs, ...zhHome, ...zhRecord, ...zhShell, ...zhTimeline, ...zhWatch };

/** The catalogues, by BCP 47 tag. English is the one that the others are held to. */
export const catalogues = { en, 'zh-CN': zh } as const;

/** A language the interface speaks. */
export type Language = keyof typeof catalogues;

/** The name of a sentence. */
export type TextKey = keyof typeof en;

/** What languages call themselves. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', 'zh-CN': '中文' };

/**
 * The sentence of that name, with each `{value}` put in.
 *
 * @param values every name that the sentence holds in braces; one that is missing stays in braces
 */
export function text(language: Language, key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  return catalogues[language][key].replace(/\{(\w+)\}/g, (braces, name: string) => String(values[name] ?? braces));
}

/** Whether there is a sentence of that name; for names made from codes of the server. */
export function isTextKey(key: string): key is TextKey {
  return Object.hasOwn(en, key);
}

/**
 * The first language of the reader's that the interface speaks; English where there is none.
 *
 * @param wanted as `navigator.languages`, most wanted first
 */
export function chooseLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0];
    if (primary === 'zh') return 'zh-CN';
    if (primary === 'en') return 'en';
  }
  return 'en';
}
