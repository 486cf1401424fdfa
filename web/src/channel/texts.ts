/**
 * The texts of channels, loaded with their page: import this file in a component that uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from '../text/en/channel.json' with { type: 'json' };
import { addTexts } from '../text/text.ts';
import zh from '../text/zh-CN/channel.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
