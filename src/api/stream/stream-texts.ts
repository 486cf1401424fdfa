/**
 * Limits of the texts that describe a stream to viewers.
 * In: nothing. Out: the schemas of the API and of the configuration.
 */

/** Characters of a stream's title. */
export const MAX_TITLE = 120;
/** Characters of a stream's description. */
export const MAX_DESCRIPTION = 2000;

/** The texts of a stream without title and description. */
export const NO_TEXTS = { title: '', description: '' } as const;
