/**
 * The texts of the studio, loaded with that page: import this file where they are used.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/studio.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/studio.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
