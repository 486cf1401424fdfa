/**
 * The texts of connections of WebRTC: the real-time view and the studio, loaded with them: import this file
 * where they are used.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/real-time.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/real-time.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
