/**
 * Names of the store's files in the data folder. In: nothing. Out: names.
 */
export const DATABASE_FILE = 'oxbow.db';

/** A copy of the settings that were set in the browser, for a database that was lost. */
export const SETTINGS_FILE = 'settings.json';

/** The lock of the folder. */
export const LOCK_FILE = 'lock.db';

/** The highest MSN that may have been announced, by stream name. */
export const MSN_MARKS_FILE = 'msn-marks.json';

/** Keys that sign the chains of evidence; readable by its owner alone. */
export const EVIDENCE_KEYS_FILE = 'evidence-keys.json';

/** The name of this server for the places that it mirrors to. */
export const MIRROR_SERVER_FILE = 'mirror-server';

/** Where the verification of a running server is, and its damaged files. */
export const VERIFY_FILE = 'verify.json';

/** Where `oxbow doctor --verify` is. */
export const DOCTOR_VERIFY_FILE = 'verify-doctor.json';

/** Where `oxbow doctor --repair` moves damaged files. */
export const QUARANTINE = 'quarantine';

/** The report of a crash that could not be sent; the next start sends it. */
export const CRASH_FILE = 'crash.json';

/** The `RUNNING_FILE` of a server that did not end in order; the next start reports it. */
export const LEFT_FILE = 'left.json';

/** Addresses of the server that holds the lock. */
export const RUNNING_FILE = 'running.json';

/** The links of bonded senders, while one server follows another one on their port. */
export const BONDED_FILE = 'bonded-links.json';

/** Folder with what each process of several keeps for itself, by its name. */
export const PROCESSES = 'processes';

/** Space that the next start has on a full disk. */
export const RESERVE_FILE = 'reserve';
