/**
 * The texts of calls, loaded with the inside of a room: import this file in a page that uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/call.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/call.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
