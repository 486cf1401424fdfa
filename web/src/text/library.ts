/**
 * The texts of the library and of uploads, loaded with those pages: import this file in a page that uses
 * them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/library.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/library.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
