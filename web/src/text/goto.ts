/**
 * The texts of the choice of a time, loaded with it: import this file in a component that uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/goto.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/goto.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
