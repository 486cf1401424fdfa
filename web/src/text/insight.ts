/**
 * The texts of insight, loaded with its pages.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/insight.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/insight.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
