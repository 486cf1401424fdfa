/**
 * The texts of alarms and of what happened to a stream, loaded with those pages.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/history.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/history.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
