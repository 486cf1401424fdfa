/**
 * The texts of recorded calls, loaded with the call of a room: import this file where they are used.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/call-record.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/call-record.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
