/**
 * The texts of deletions and legal holds, loaded with their dialogs.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/erase.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/erase.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
