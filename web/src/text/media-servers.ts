/**
 * The texts of media servers, loaded with the pages that use them: import this file there.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/media-servers.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/media-servers.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
