/**
 * The texts of cases, loaded with their pages: import this file in a component that uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from '../text/en/cases.json' with { type: 'json' };
import { addTexts } from '../text/text.ts';
import zh from '../text/zh-CN/cases.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
