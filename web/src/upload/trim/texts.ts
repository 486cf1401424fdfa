/**
 * The texts of the trim view, loaded with it: import this file in a component that uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from '../../text/en/trim.json' with { type: 'json' };
import { addTexts } from '../../text/text.ts';
import zh from '../../text/zh-CN/trim.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
