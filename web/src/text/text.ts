/**
 * The texts of the interface: a catalogue per language, with the same keys, in one file per area.
 * In: a key and values. Out: a sentence. Pure.
 */
import enHome from './en/home.json' with { type: 'json' };
import enRecord from './en/record.json' with { type: 'json' };
import enShell from './en/shell.json' with { type: 'json' };
import enTimeline from './en/timeline.json' with { type: 'json' };
import enWatch from './en/watch.json' with { type: 'json' };
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

/** A supported language. */
export type Language = keyof typeof catalogues;

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
type RealTimeTexts = typeof import('./en/real-time.json');
type RoomTexts = typeof import('./en/rooms.json');
type SettingTexts = typeof import('./en/settings.json');
type StudioTexts = typeof import('./en/studio.json');
type TimelapseTexts = typeof import('./en/timelapse.json');
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
  | keyof RealTimeTexts
  | keyof RoomTexts
  | keyof SettingTexts
  | keyof StudioTexts
  | keyof TimelapseTexts
  | keyof UnsupportedTexts;

/** Adds texts that are loaded with their pages. */
export function addTexts(texts: Readonly<Record<Language, Readonly<Record<string, string>>>>): void {
  for (const language of Object.keys(catalogues) as Language[]) Object.assign(catalogues[language], texts[language]);
}

export const languageNames: Readonly<Record<Language, string>> = { en: 'English', 'zh-CN': '中文' };

/**
 * The text of a key, with each `{value}` inserted.
 *
 * @param values for every placeholder of the text; a missing one stays in braces
 */
export function text(language: Language, key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  const sentence = (catalogues[language] as Readonly<Record<string, string>>)[key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (braces, name: string) => String(values[name] ?? braces));
}

/** Whether a key exists; for keys made from codes of the server. */
export function isTextKey(key: string): key is TextKey {
  return Object.hasOwn(en, key);
}

/**
 * The first supported language of the reader; English if there is none.
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
