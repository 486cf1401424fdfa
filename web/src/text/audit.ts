/**
 * The sentences of the audit log and the kinds of jobs, loaded with those pages: import this file in a page
 * that uses them.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from './en/audit.json' with { type: 'json' };
import { addTexts } from './text.ts';
import zh from './zh-CN/audit.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
