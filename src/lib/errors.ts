/**
 * The three kinds of error and the table of refusals.
 * In: a code and what happened. Out: typed errors that HTTP turns into problem documents (RFC 9457) and the command line into sentences.
 * The table prints docs/7-reference/errors.md; a code that was ever released stays listed.
 */

/** Malformed input: thrown by parsers, caught once by whoever owns the connection or file. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  /** Byte (or character) offset at which the input stopped making sense. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

interface Refusal {
  /** HTTP status. */
  readonly status: number;
  /** Short sentence, the same for every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** What a person can do about it. */
  readonly hint: string;
}

/** Every refusal oxbow may give. Keys are the stable codes. */
export const refusals = {
  'bad-request': { status: 400, title: 'The request is not valid', hint: 'See `errors` for the fields.' },
  'bad-time': {
    status: 400,
    title: 'That is not a time oxbow understands',
    hint: 'Use unix seconds (10 digits), milliseconds (13), RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC.',
  },
  'bad-duration': {
    status: 400,
    title: 'That is not a duration oxbow understands',
    hint: 'Use 90s, 15m or 1h30m. On the addresses of video-stream-recorder a plain number is minutes, elsewhere seconds.',
  },
  'bad-time-zone': {
    status: 400,
    title: 'That is not a time zone',
    hint: 'Use tz=Area/City with a name of the IANA time zone database, e.g. tz=Europe/Vienna.',
  },
  'bad-name': {
    status: 400,
    title: 'That is not a valid stream name',
    hint: 'Names are 1 to 64 characters: a-z, 0-9, "-" and "_", and start with a letter or digit.',
  },
  'window-too-long': { status: 400, title: 'The window is too long', hint: 'Ask for at most 24 hours at a time.' },
  unauthorized: {
    status: 401,
    title: 'This is for administrators',
    hint: 'Sign in: `oxbow token link` prints a link. Programs send `Authorization: Bearer …` with the value of --admin-token.',
  },
  'sign-in-refused': {
    status: 401,
    title: 'That does not sign you in',
    hint: 'Links work once, for 15 minutes: `oxbow token link` prints a new one.',
  },
  'host-refused': {
    status: 421,
    title: 'This server does not answer under that name',
    hint: 'Add the name to the setting `hosts` if it is yours.',
  },
  'cross-site': {
    status: 403,
    title: 'That was asked by a page of another site',
    hint: 'Open the pages of this server by their own address; behind a proxy, set --public-url or --trusted-proxies.',
  },
  'watch-refused': {
    status: 403,
    title: 'This link gives no right to watch',
    hint: 'Ask whoever gave it to you for a new one.',
  },
  'watch-expired': {
    status: 403,
    title: 'This link has expired',
    hint: 'Ask whoever gave it to you for a new one.',
  },
  forbidden: { status: 403, title: 'That is not allowed', hint: 'Ask the operator of this server.' },
  'address-refused': {
    status: 403,
    title: 'oxbow will not connect to that address',
    hint: 'A private address is reachable only if an administrator named it, or it lies in net.allow.',
  },
  'not-found': { status: 404, title: 'There is nothing here', hint: 'Check the address.' },
  'stream-unknown': { status: 404, title: 'There is no stream of that name', hint: 'GET /api/v1/streams lists them.' },
  'stream-offline': { status: 404, title: 'The stream is offline now', hint: 'Its past is in the timeline.' },
  'no-media': {
    status: 404,
    title: 'Nothing is recorded there',
    hint: 'GET /api/v1/streams/{name}/timeline lists what is, and why something is missing.',
  },
  'marker-unknown': {
    status: 404,
    title: 'There is no such marker',
    hint: 'GET /api/v1/streams/{name}/markers lists them.',
  },
  'pin-unknown': {
    status: 404,
    title: 'There is no such pin',
    hint: 'GET /api/v1/streams/{name}/pins lists them.',
  },
  'job-unknown': {
    status: 404,
    title: 'There is no such job',
    hint: 'Jobs that ended are forgotten after jobs.keep; GET /api/v1/jobs lists the others.',
  },
  'webhook-unknown': {
    status: 404,
    title: 'There is no such webhook',
    hint: 'GET /api/v1/webhooks lists them.',
  },
  'job-unfinished': {
    status: 409,
    title: 'The job has no file',
    hint: 'GET /api/v1/jobs/{id} tells how far it is, or why it failed.',
  },
  'method-not-allowed': { status: 405, title: 'That method is not supported here', hint: 'See the Allow header.' },
  'stream-exists': {
    status: 409,
    title: 'A stream of that name exists',
    hint: 'Choose another name, or PUT to replace it.',
  },
  'limit-reached': {
    status: 409,
    title: 'There are as many of these as there may be',
    hint: 'Delete some that are no longer needed.',
  },
  'managed-elsewhere': {
    status: 409,
    title: 'This stream is set on the command line or in the configuration file',
    hint: 'Change it there.',
  },
  gone: { status: 410, title: 'This was deleted by retention', hint: 'Keep recordings longer with --keep.' },
  'precondition-failed': {
    status: 412,
    title: 'It has changed meanwhile',
    hint: 'GET it again, and send the new ETag as If-Match.',
  },
  'too-many-requests': {
    status: 429,
    title: 'That was asked too often',
    hint: 'Wait as long as Retry-After says.',
  },
  'session-unknown': {
    status: 404,
    title: 'There is no such session',
    hint: 'GET /api/v1/sessions lists them.',
  },
  'token-unknown': {
    status: 404,
    title: 'There is no such token',
    hint: 'GET /api/v1/tokens lists them.',
  },
  'payload-too-large': { status: 413, title: 'The request body is too large', hint: 'Send at most 1 MiB.' },
  'unsupported-media': {
    status: 415,
    title: 'oxbow cannot take this media',
    hint: 'H.264, HEVC, AV1 or VP9 video; AAC, MP3, AC-3, E-AC-3 or Opus audio; in MPEG-TS, fragmented MP4 or packed audio. Not protected.',
  },
  internal: { status: 500, title: 'oxbow made a mistake', hint: 'Report it with the trace id.' },
  'bad-source': {
    status: 400,
    title: 'That is not an address oxbow can take',
    hint: 'Give an http or https URL of an HLS playlist, an MP4 file, or a page with a video.',
  },
  'page-failed': {
    status: 502,
    title: 'The page gave no video',
    hint: 'Open it in a browser where nobody is signed in; if it plays there, a newer yt-dlp may know it.',
  },
  'page-tool-missing': {
    status: 503,
    title: 'Pages need yt-dlp, which is not there',
    hint: 'Install it (`pipx install yt-dlp`, `apt install yt-dlp`, `brew install yt-dlp`), or name it with --pages-yt-dlp.',
  },
  busy: { status: 503, title: 'oxbow does enough of these already', hint: 'Try again in a moment.' },
  'source-failed': {
    status: 502,
    title: 'The source did not answer as it should',
    hint: 'Open it in a player; check the URL.',
  },
  'queue-full': { status: 503, title: 'Too many jobs wait', hint: 'Try again when some are done, or cancel one.' },
  'no-room': {
    status: 507,
    title: 'There is no room for the file',
    hint: 'Ask for a shorter stretch, or give exports more room: --jobs-max-disk.',
  },
  'not-ready': { status: 503, title: 'oxbow is not ready', hint: 'Try again in a moment.' },
  'disk-failed': {
    status: 503,
    title: 'The disk did not take the recording',
    hint: 'Look at free space and at the health of the disk; recording goes on in a new file.',
  },
  'engine-failed': { status: 503, title: 'The media engine did not answer', hint: 'Run `oxbow doctor`.' },
  'part-timeout': {
    status: 503,
    title: 'The part did not come in time',
    hint: 'Reload the playlist without directives.',
  },
  'port-taken': { status: 500, title: 'A port is taken by another program', hint: 'Stop it, or choose another port.' },
  'folder-unwritable': {
    status: 500,
    title: 'oxbow cannot write to its data folder',
    hint: 'Give it a folder of its own with --data.',
  },
  'data-in-use': {
    status: 500,
    title: 'Another oxbow uses this data folder',
    hint: 'Stop it, or give this one another folder with --data.',
  },
  'data-newer': {
    status: 500,
    title: 'The data folder was written by a newer oxbow',
    hint: 'Run that version or a newer one, or give this one another folder with --data.',
  },
  'bad-backup': {
    status: 400,
    title: 'That is not a whole backup',
    hint: 'Take another one; nothing was changed. `oxbow backup -o FILE` makes them.',
  },
  'bad-range': { status: 416, title: 'That range lies outside', hint: 'See the Content-Range header for the length.' },
  'bad-setting': { status: 400, title: 'A setting is not valid', hint: 'Run `oxbow config check`.' },
} as const satisfies Record<string, Refusal>;

/** The stable code of a refusal. */
export type RefusalCode = keyof typeof refusals;

/** A refusal: oxbow understood, and will not or cannot. Carries what a person needs to act. */
export class OxbowError extends Error {
  override readonly name = 'OxbowError';
  readonly code: RefusalCode;
  /** Further members of the problem document, e.g. `retryAfterSeconds`. */
  readonly extra: Readonly<Record<string, unknown>>;

  /**
   * @param code a row of the table above
   * @param detail what exactly happened, for a person; no secrets
   */
  constructor(code: RefusalCode, detail: string, options: { cause?: unknown; extra?: Record<string, unknown> } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.extra = options.extra ?? {};
  }

  /** The row of the table. */
  get refusal(): Refusal {
    return refusals[this.code];
  }
}

/**
 * The message of anything that was thrown.
 *
 * @param error what a `catch` got
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
