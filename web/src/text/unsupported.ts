/**
 * The texts of addresses that oxbow cannot pull, loaded with the record page.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/unsupported.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/unsupported.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
