/**
 * The texts of the page that verifies files, loaded with it.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/evidence.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/evidence.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
