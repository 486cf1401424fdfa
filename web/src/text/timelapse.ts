/**
 * The texts of time-lapses, loaded with their buttons.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/timelapse.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/timelapse.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
