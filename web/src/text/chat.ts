/**
 * The texts of chat, danmaku and polls, loaded with rooms: import this file in a component that uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/chat.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/chat.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
