/**
 * The texts of the dialog that edits a stream, loaded with it.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/edit.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/edit.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
