/**
 * The texts of clips, markers and exports, loaded with those parts: import this file in a component that uses
 * them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/clips.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/clips.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
