/**
 * The texts of cameras, loaded with the parts of pages that use them: import this file there.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from '../text/en/cameras.json' with { type: 'json' };
import { addTexts } from '../text/text.ts';
import zh from '../text/zh-CN/cameras.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
