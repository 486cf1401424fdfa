/**
 * The texts of the page that publishes a stream, loaded with those pages: import this file in a page that
 * uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/go-live.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/go-live.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
