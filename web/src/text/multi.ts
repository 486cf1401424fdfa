/**
 * The texts of several streams on one page, loaded with it.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/multi.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/multi.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
