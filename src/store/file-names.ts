/**
 * What the store's files are called in the data folder. In: nothing. Out: names.
 */
/** The database. */
export const DATABASE_FILE = 'oxbow.db';

/** The lock of the folder. */
export const LOCK_FILE = 'lock.db';
