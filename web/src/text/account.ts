/**
 * The texts of accounts and their administration, loaded with those pages: import this file in a page that
 * uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/account.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/account.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
