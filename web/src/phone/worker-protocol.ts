/**
 * What pages and the service worker say to each other.
 * In: nothing. Out: messages, names of caches, addresses. Types and constants only.
 */

/** Address of the service worker; its scope is all of oxbow. */
export const WORKER_PATH = '/sw.js';
/** Where the system shares files to: a POST of a form, which the service worker answers. Web Share Target. */
export const SHARE_PATH = '/upload/share';
/** The page that takes shared files over. */
export const SHARED_PAGE = '/upload?shared';
/** Name of the field of the form that has the files. */
export const SHARE_FIELD = 'media';

/** Of a page: what it loaded, so that it opens without a network. */
export interface Keep {
  readonly type: 'keep';
  /** Address of the script that started the page: another one for each version. */
  readonly version: string;
  /** Addresses below /ui/ that it loaded. */
  readonly files: readonly string[];
}

/** Of a page, with a port: the files that were shared. The answer is `File[]`, once. */
export interface TakeShared {
  readonly type: 'take-shared';
}

/** To a page: someone pressed a message. */
export interface GoTo {
  readonly type: 'go';
  /** Path with query. */
  readonly path: string;
}

export type ToWorker = Keep | TakeShared;

/** The sentences of messages in the language of the reader; `{name}` is replaced. */
export interface PushTexts {
  /** `{name}`: the stream. */
  readonly live: string;
  /** `{name}`: the clip. */
  readonly clips: string;
  readonly clipsUntitled: string;
  /** Of an alarm that has no name here. */
  readonly alarm: string;
  readonly test: string;
  /** Names of alarms by code. */
  readonly alarms: Readonly<Record<string, string>>;
}

/** The cache with the texts, and their address in it. */
export const TEXTS_CACHE = 'oxbow-texts';
export const TEXTS_PATH = '/push-texts.json';
