/**
 * The texts that the build keeps in files of their own: every language but English, in a few packs. The build
 * writes this module (web/texts-plugin.js); in tests it is as it is here, without any.
 * In: the catalogues. Out: further.ts.
 */

/** A text; or its plural forms by the categories of `Intl.PluralRules`, chosen by the value `count`. */
export type Text = string | Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>;

/** Texts by key. */
export type Catalogue = Readonly<Record<string, Text>>;

/** A language whose texts are loaded when a reader needs them. */
export interface FurtherLanguage {
  /** In the language itself. */
  readonly name: string;
  /** By the name of the pack; each rejects if the file cannot be loaded. */
  readonly packs: Readonly<Record<string, () => Promise<{ readonly default: Catalogue }>>>;
}

/** By BCP 47 tag. */
export const furtherLanguages: Readonly<Record<string, FurtherLanguage>> = {};
