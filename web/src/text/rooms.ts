/**
 * The texts of rooms, loaded with those pages: import this file in a page that uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/rooms.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/rooms.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
