/**
 * The texts of the interface: English and Chinese in one file per area, each further language in one file
 * (`de.json`), with the same keys.
 * In: a key and values. Out: a sentence.
 */
import enHome from './en/home.json' with { type: 'json' };
import enRecord from './en/record.json' with { type: 'json' };
import enShell from './en/shell.json' with { type: 'json' };
import enTimeline from './en/timeline.json' with { type: 'json' };
import enWatch from './en/watch.json' with { type: 'json' };
import { furtherText, needPack } from './further/further.ts';
import { furtherLanguages, type Text } from './further/packs.ts';
import zhHome from './zh-CN/home.json' with { type: 'json' };
import zhRecord from './zh-CN/record.json' with { type: 'json' };
import zhShell from './zh-CN/shell.json' with { type: 'json' };
import zhTimeline from './zh-CN/timeline.json' with { type: 'json' };
import zhWatch from './zh-CN/watch.json' with { type: 'json' };

const en = {
  ...enHome,
  ...enRecord,
  ...enShell,
  ...enTimeline,
  ...enWatch,
};
const zh = {
  ...zhHome,
  ...zhRecord,
  ...zhShell,
  ...zhTimeline,
  ...zhWatch,
};

/** The catalogues, by BCP 47 tag. English is the reference for the others. */
export const catalogues = { en, 'zh-CN': zh } as const;

/** BCP 47 tag of a supported language; English is shown for any other. */
export type Language = string;

type AccountTexts = typeof import('./en/account.json');
type AdminTexts = typeof import('./en/admin.json');
type AuditTexts = typeof import('./en/audit.json');
type CallTexts = typeof import('./en/call.json');
type CallRecordTexts = typeof import('./en/call-record.json');
type CaseTexts = typeof import('./en/cases.json');
type ChannelTexts = typeof import('./en/channel.json');
type ChatTexts = typeof import('./en/chat.json');
type ClipTexts = typeof import('./en/clips.json');
type DocsTexts = typeof import('./en/docs.json');
type EditTexts = typeof import('./en/edit.json');
type EraseTexts = typeof import('./en/erase.json');
type EvidenceTexts = typeof import('./en/evidence.json');
type GoLiveTexts = typeof import('./en/go-live.json');
type GoToTexts = typeof import('./en/goto.json');
type HistoryTexts = typeof import('./en/history.json');
type InsightTexts = typeof import('./en/insight.json');
type LibraryTexts = typeof import('./en/library.json');
type CameraTexts = typeof import('./en/cameras.json');
type MediaServerTexts = typeof import('./en/media-servers.json');
type MultiTexts = typeof import('./en/multi.json');
type PhoneTexts = typeof import('./en/phone.json');
type RealTimeTexts = typeof import('./en/real-time.json');
type RoomTexts = typeof import('./en/rooms.json');
type SettingTexts = typeof import('./en/settings.json');
type StudioTexts = typeof import('./en/studio.json');
type TimelapseTexts = typeof import('./en/timelapse.json');
type TrimTexts = typeof import('./en/trim.json');
type UnsupportedTexts = typeof import('./en/unsupported.json');

/** The key of a text; those of pages that are loaded later are there once their file is loaded. */
export type TextKey =
  | keyof typeof en
  | keyof AccountTexts
  | keyof AdminTexts
  | keyof AuditTexts
  | keyof CallTexts
  | keyof CallRecordTexts
  | keyof CaseTexts
  | keyof ChannelTexts
  | keyof ChatTexts
  | keyof ClipTexts
  | keyof DocsTexts
  | keyof EditTexts
  | keyof EraseTexts
  | keyof CameraTexts
  | keyof EvidenceTexts
  | keyof GoLiveTexts
  | keyof GoToTexts
  | keyof HistoryTexts
  | keyof InsightTexts
  | keyof LibraryTexts
  | keyof MediaServerTexts
  | keyof MultiTexts
  | keyof PhoneTexts
  | keyof RealTimeTexts
  | keyof RoomTexts
  | keyof SettingTexts
  | keyof StudioTexts
  | keyof TimelapseTexts
  | keyof TrimTexts
  | keyof UnsupportedTexts;

/**
 * Adds texts that are loaded with their pages.
 *
 * @param pack where the build keeps the texts of other languages (web/texts-plugin.js, which also omits these
 * here)
 */
export function addTexts(
  texts: { readonly en: Readonly<Record<string, string>>; readonly 'zh-CN'?: Readonly<Record<string, string>> },
  pack?: string,
): void {
  Object.assign(catalogues.en, texts.en);
  Object.assign(catalogues['zh-CN'], texts['zh-CN']);
  if (pack !== undefined) needPack(pack);
}

/** Every language in its own words, by tag. */
export const languageNames: Readonly<Record<Language, string>> = Object.assign(
  { en: 'English', 'zh-CN': '中文' },
  Object.fromEntries(Object.entries(furtherLanguages).map(([tag, { name }]) => [tag, name])),
);

/**
 * The text of a key, with each `{value}` inserted. A text that the language does not have is English.
 *
 * @param values for every placeholder of the text; a missing one stays in braces. `count` chooses the plural
 * form of a text   that has several
 */
export function text(language: Language, key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  const own: Readonly<Record<string, string>> = catalogues[language === 'zh-CN' ? language : 'en'];
  const sentence = furtherText(language, key) ?? own[key] ?? catalogues.en[key as keyof typeof en] ?? key;
  return formOf(sentence, language, values.count).replace(/\{(\w+)\}/g, (braces, name: string) =>
    String(values[name] ?? braces),
  );
}

/**
 * The plural form of a text for a count; a count that is written with separators has the form of large
 * numbers.
 */
function formOf(forms: Text, language: Language, count: string | number | undefined): string {
  if (typeof forms === 'string') return forms;
  const rule = new Intl.PluralRules(language).select(Number(count));
  return forms[rule] ?? forms.other ?? '';
}

/**
 * A name that a table of the sources has in English and Chinese, in a further language: the tables of alarms
 * and of emoji.
 *
 * @param family of the file of the language; the key is `family.name`
 * @param name the code of an alarm, the English word of an emoji
 * @returns undefined in English and Chinese, and if the file does not have it
 */
export function furtherName(language: Language, family: 'alarm' | 'emoji', name: string): string | undefined {
  const word = furtherText(language, `${family}.${name}`);
  return typeof word === 'string' ? word : undefined;
}

/** Whether a key exists; for keys made from codes of the server. */
export function isTextKey(key: string): key is TextKey {
  return Object.hasOwn(en, key);
}

/**
 * The first supported language of the reader; English if there is none.
 *
 * @param wanted as `navigator.languages`, most wanted first
 * @param supported tags
 */
export function chooseLanguage(wanted: readonly string[], supported = Object.keys(languageNames)): Language {
  const primaryOf = (tag: string) => tag.toLowerCase().split('-')[0];
  for (const tag of wanted) {
    const exact = supported.find((each) => each.toLowerCase() === tag.toLowerCase());
    const language = exact ?? supported.find((each) => primaryOf(each) === primaryOf(tag));
    if (language !== undefined) return language;
  }
  return 'en';
}
