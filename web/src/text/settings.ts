/**
 * The texts of the settings that can be changed in the browser, loaded with that page.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/settings.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/settings.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
