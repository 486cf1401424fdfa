/**
 * The texts of notifications, loaded with the page of the account.
 * In: the catalogues. Out: text.ts, by `addTexts`.
 */
import en from '../text/en/phone.json' with { type: 'json' };
import { addTexts } from '../text/text.ts';
import zh from '../text/zh-CN/phone.json' with { type: 'json' };

addTexts({ en, 'zh-CN': zh });
