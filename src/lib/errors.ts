/**
 * Errors for users and the table of error codes. Pages import `@oxbow/media/errors`, without the table.
 * In: a code and a detail. Out: typed errors, which HTTP answers as problem documents (RFC 9457) and the
 * command line prints. docs/reference/errors.md is generated from the table; a released code stays listed.
 */
import { OxbowError as CodedError, messageOf } from '@oxbow/media/errors';
import { alarmRefusals } from '../features/alarms/refusals.ts';
import { angleRefusals } from '../features/angles/refusals.ts';
import { cameraRefusals } from '../features/cameras/refusals.ts';
import { caseRefusals } from '../features/cases/refusals.ts';
import { channelRefusals } from '../features/channel/refusals.ts';
import { clipRefusals } from '../features/clips/refusals.ts';
import { eraseRefusals } from '../features/erase/refusals.ts';
import { evidenceRefusals } from '../features/evidence/refusals.ts';
import { sealedRefusals } from '../features/insight/refusals.ts';
import { markRefusals } from '../features/marks/refusals.ts';
import { mixerRefusals } from '../features/mixer/refusals.ts';
import { peerRefusals } from '../features/peers/refusals.ts';
import { pushRefusals } from '../features/push/refusals.ts';
import { relayRefusals } from '../features/relays/refusals.ts';
import { chatRefusals, proxyRefusals, roomRefusals } from '../features/rooms/refusals.ts';
import { steeringRefusals } from '../features/steering/refusals.ts';
import { televisionRefusals } from '../features/television/refusals.ts';
import { accountRefusals } from './refusals/accounts.ts';
import { realtimeRefusals } from './refusals/realtime.ts';
import { recordingRefusals } from './refusals/recordings.ts';
import { serviceRefusals } from './refusals/services.ts';

export { messageOf };

interface Refusal {
  /** HTTP status. */
  readonly status: number;
  /** Short sentence, the same for each occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** The remedy for the user. */
  readonly hint: string;
}

/** Every error of the API. Keys are the stable codes. */
export const refusals = {
  'bad-request': { status: 400, title: 'Invalid request', hint: 'See `errors` for the invalid fields.' },
  'bad-time': {
    status: 400,
    title: 'Invalid time',
    hint: 'Use unix seconds (10 digits), milliseconds (13), RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC.',
  },
  'bad-duration': {
    status: 400,
    title: 'Invalid duration',
    hint: 'Use 90s, 15m or 1h30m. A plain number is seconds; in addresses of video-stream-recorder it is minutes.',
  },
  'bad-time-zone': {
    status: 400,
    title: 'Invalid time zone',
    hint: 'Use tz=Area/City with a name from the IANA time zone database, for example tz=Europe/Vienna.',
  },
  'bad-name': {
    status: 400,
    title: 'Invalid stream name',
    hint: 'Use a-z, 0-9, "-" and "_", at most 64 characters, starting with a letter or digit.',
  },
  'window-too-long': { status: 400, title: 'The window is too long', hint: 'Request at most 24 hours at a time.' },
  unauthorized: {
    status: 401,
    title: 'Authentication required',
    hint: 'Sign in: `oxbow token link` prints a sign-in link. Programs send `Authorization: Bearer TOKEN`, with an API token or the value of --admin-token.',
  },
  'sign-in-refused': {
    status: 401,
    title: 'Sign-in failed',
    hint: 'Check name and password. A sign-in link works once, within 15 minutes; `oxbow token link` prints a new one.',
  },
  'host-refused': {
    status: 421,
    title: 'Unknown host name',
    hint: 'If the name is yours, add it to the setting `hosts`.',
  },
  'cross-site': {
    status: 403,
    title: 'Cross-site request refused',
    hint: 'Open this server at its own address. Behind a proxy, set --public-url or --trusted-proxies.',
  },
  'watch-refused': {
    status: 403,
    title: 'Invalid playback token',
    hint: 'Ask the sender of the link for a new one.',
  },
  'watch-expired': {
    status: 403,
    title: 'Playback token expired',
    hint: 'Ask the sender of the link for a new one.',
  },
  'watch-denied-here': {
    status: 403,
    title: 'Not available here',
    hint: 'The stream is for other networks or countries. Ask the operator of this server.',
  },
  'media-encrypted': {
    status: 403,
    title: 'Only available encrypted',
    hint: 'Play the HLS address: its playlists name the encrypted segments and their keys.',
  },
  ...proxyRefusals,
  forbidden: { status: 403, title: 'Not allowed', hint: 'Ask the operator of this server.' },
  'address-refused': {
    status: 403,
    title: 'Outgoing connection refused',
    hint: 'oxbow connects to a private address only if an administrator configured it as a source or it is in `net.allow`.',
  },
  'not-found': { status: 404, title: 'Not found', hint: 'Check the address.' },
  'stream-unknown': { status: 404, title: 'Unknown stream', hint: 'GET /api/v1/streams lists them.' },
  'stream-offline': {
    status: 404,
    title: 'Stream offline',
    hint: 'Recorded media is still available: see its timeline.',
  },
  'no-media': {
    status: 404,
    title: 'No recorded media',
    hint: 'GET /api/v1/streams/{name}/timeline lists recorded media and the causes of gaps.',
  },
  ...markRefusals,
  ...evidenceRefusals,
  'job-unknown': {
    status: 404,
    title: 'Unknown job',
    hint: 'Finished jobs are removed after `jobs.keep`. GET /api/v1/jobs lists the others.',
  },
  'asset-unknown': {
    status: 404,
    title: 'Unknown asset',
    hint: 'GET /api/v1/assets lists them.',
  },
  'asset-unfinished': {
    status: 404,
    title: 'The asset has no media yet',
    hint: 'GET /api/v1/assets/{id} returns the state of its upload and of its renditions.',
  },
  'asset-deleted': {
    status: 410,
    title: 'The asset is in the trash',
    hint: 'Its owner can restore it until `library.trash` has passed.',
  },
  'recording-in-use': {
    status: 409,
    title: 'An asset consists of this media',
    hint: 'Delete the asset for good first: DELETE /api/v1/assets/{id}?purge=true.',
  },
  'upload-unknown': {
    status: 404,
    title: 'Unknown upload',
    hint: 'GET /api/v1/uploads lists them. An upload is forgotten a while after its last byte.',
  },
  'upload-offset': {
    status: 409,
    title: 'The bytes do not continue the upload',
    hint: 'Continue at `resumeOffset`.',
  },
  'upload-incomplete': {
    status: 409,
    title: 'Bytes of the upload are missing',
    hint: 'Continue at `resumeOffset`. GET /api/v1/upload/{id}/status lists the chunks that are missing.',
  },
  'chunk-differs': {
    status: 409,
    title: 'The chunk is stored with another content',
    hint: 'Check the number of the chunk, or begin a new upload if the file has changed.',
  },
  'upload-expired': {
    status: 410,
    title: 'The upload expired',
    hint: 'Begin a new one. Unfinished uploads are kept for `library.uploadExpiry` after their last byte.',
  },
  'upload-cancelled': { status: 410, title: 'The upload was cancelled', hint: 'Begin a new one.' },
  'upload-too-large': {
    status: 413,
    title: 'The file is too large',
    hint: 'The setting `library.maxUpload` limits files; a request may not have more bytes than were announced.',
  },
  'upload-locked': {
    status: 423,
    title: 'Another request continues this upload',
    hint: 'Try again in a moment, at the offset that the upload then has.',
  },
  'checksum-mismatch': {
    status: 460,
    title: 'The checksum does not match',
    hint: 'Send the bytes again from `resumeOffset`.',
  },
  'quota-exceeded': {
    status: 413,
    title: 'The quota of the library is used up',
    hint: 'Delete assets from the trash for good, or increase `library.quota` or `library.quotaPerOwner`.',
  },
  ...accountRefusals,
  ...televisionRefusals,
  ...pushRefusals,
  ...roomRefusals,
  ...clipRefusals,
  ...cameraRefusals,
  ...caseRefusals,
  ...angleRefusals,
  ...channelRefusals,
  'recording-held': {
    status: 409,
    title: 'A legal hold is on this recording',
    hint: 'An administrator can lift it: DELETE /api/v1/streams/{name}/holds/{id}.',
  },
  ...eraseRefusals,
  ...sealedRefusals,
  ...steeringRefusals,
  ...peerRefusals,
  ...realtimeRefusals,
  ...serviceRefusals,
  ...alarmRefusals,
  ...recordingRefusals,
  'events-gone': {
    status: 410,
    title: 'These events are not kept any more',
    hint: 'Read the state again, then continue with `since` from now on. `events.keep` is how long events are kept.',
  },
  'webhook-disabled': {
    status: 409,
    title: 'The webhook is disabled',
    hint: 'Enable it with PUT /api/v1/webhooks/{id}, which sends its settings again.',
  },
  'webhook-unknown': {
    status: 404,
    title: 'Unknown webhook',
    hint: 'GET /api/v1/webhooks lists them.',
  },
  'job-unfinished': {
    status: 409,
    title: 'The job has no result',
    hint: 'GET /api/v1/jobs/{id} returns its progress, or why it failed.',
  },
  'job-not-failed': {
    status: 409,
    title: 'The job has not failed',
    hint: 'Only failed and cancelled jobs can be retried.',
  },
  'job-cancelled': {
    status: 409,
    title: 'Job cancelled',
    hint: 'Run the job again; assets are then processed further.',
  },
  'lease-lost': {
    status: 409,
    title: 'The job no longer belongs to this worker',
    hint: 'Stop working on it: the job was cancelled, has ended, or was given to another worker.',
  },
  'encoder-mismatch': {
    status: 409,
    title: 'Another encoder made the other pieces',
    hint: 'Encode the piece again, with the encoder of the others. After three tries the server has all pieces made in software.',
  },
  'worker-unknown': {
    status: 404,
    title: 'Unknown worker',
    hint: 'Register again: POST /api/v1/workers. The server forgets workers that are silent for a minute.',
  },
  'worker-lost': {
    status: 503,
    title: 'The worker stopped answering',
    hint: 'Check the log of the worker: the job may need more memory than its machine has.',
  },
  'job-timeout': {
    status: 503,
    title: 'The job took too long',
    hint: 'Check the log of the worker, and retry the job on a faster one.',
  },
  ...chatRefusals,
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    hint: 'The Allow header lists the supported methods.',
  },
  'stream-exists': {
    status: 409,
    title: 'Stream already exists',
    hint: 'Choose another name, or replace the stream with PUT.',
  },
  'publisher-active': {
    status: 409,
    title: 'Another publisher is active on this stream',
    hint: 'Stop the other publisher, or set onSecondPublisher of the source to replace or standby.',
  },
  'publisher-replaced': {
    status: 409,
    title: 'Another publisher replaced this one',
    hint: 'Two encoders publish to the same stream: give each its own stream.',
  },
  'publish-refused': {
    status: 409,
    title: 'This stream accepts no publisher now',
    hint: 'Start the stream if it is stopped, and set the type of its source to push.',
  },
  'publish-denied': {
    status: 403,
    title: 'Not allowed to publish',
    hint: 'Create a key on the page Go live, and enter the server and the stream key exactly as shown there.',
  },
  'key-unknown': {
    status: 404,
    title: 'Unknown stream key',
    hint: 'GET /api/v1/streams/{name}/keys lists them.',
  },
  ...relayRefusals,
  ...mixerRefusals,
  'auth-unavailable': {
    status: 503,
    title: 'The authorization server does not answer',
    hint: 'Check the server at `auth.url`. oxbow admits no client until it answers.',
  },
  'limit-reached': {
    status: 409,
    title: 'Limit reached',
    hint: 'Delete entries that are no longer needed.',
  },
  'idempotency-key-in-use': {
    status: 409,
    title: 'The first request with this key is still running',
    hint: 'Repeat the request after `Retry-After`.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The key belongs to another request',
    hint: 'Use a new Idempotency-Key for a new request.',
  },
  'managed-elsewhere': {
    status: 409,
    title: 'Stream is defined outside the API',
    hint: 'Change it on the command line or in the configuration file.',
  },
  'precondition-failed': {
    status: 412,
    title: 'Precondition failed',
    hint: 'The resource changed. GET it again and send its new ETag as If-Match.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    hint: 'Wait for the time given in Retry-After.',
  },
  'session-unknown': {
    status: 404,
    title: 'Unknown session',
    hint: 'GET /api/v1/sessions lists them.',
  },
  'token-unknown': {
    status: 404,
    title: 'Unknown token',
    hint: 'GET /api/v1/tokens lists them.',
  },
  'payload-too-large': { status: 413, title: 'Request body too large', hint: 'Send at most 1 MiB.' },
  'unsupported-media': {
    status: 415,
    title: 'Unsupported media',
    hint: 'H.264, HEVC, AV1 or VP9 video; AAC, MP3, AC-3, E-AC-3, Opus or FLAC audio; in MPEG-TS, fragmented MP4 or packed audio, without DRM.',
  },
  internal: { status: 500, title: 'Internal error', hint: 'Report this with the trace id.' },
  'bad-source': {
    status: 400,
    title: 'Invalid source',
    hint: 'Use the http or https URL of an HLS playlist, an MP4 file, or a page with a video.',
  },
  'page-failed': {
    status: 502,
    title: 'No video found on the page',
    hint: 'Open the page in a private browser window. If the video plays there, a newer yt-dlp may support it.',
  },
  'page-tool-missing': {
    status: 503,
    title: 'yt-dlp is not installed',
    hint: 'Install it (`pipx install yt-dlp`, `apt install yt-dlp`, `brew install yt-dlp`), or set its path with --pages-yt-dlp.',
  },
  busy: { status: 503, title: 'Too many of these are running', hint: 'Try again in a moment.' },
  'source-failed': {
    status: 502,
    title: 'Source failed',
    hint: 'Check the URL, and open it in a player.',
  },
  'edge-loop': {
    status: 508,
    title: 'The edge is its own origin',
    hint: 'Check --origin of each edge: one of them names an edge that asks it in turn.',
  },
  'queue-full': { status: 503, title: 'Job queue full', hint: 'Try again when a job has finished, or cancel one.' },
  'no-room': {
    status: 507,
    title: 'Not enough disk space',
    hint: 'Export a shorter range, or raise --jobs-max-disk.',
  },
  'not-ready': { status: 503, title: 'Not ready', hint: 'Try again in a moment.' },
  'disk-failed': {
    status: 503,
    title: 'Writing the recording failed',
    hint: 'Check the free space and the health of the disk. Recording continues in a new file.',
  },
  'engine-failed': { status: 503, title: 'Media engine failed', hint: 'Run `oxbow doctor`.' },
  'part-timeout': {
    status: 503,
    title: 'Part not available in time',
    hint: 'Reload the playlist without `_HLS_msn` and `_HLS_part`.',
  },
  'port-taken': { status: 500, title: 'Port in use', hint: 'Stop the other program, or choose another port.' },
  'folder-unwritable': {
    status: 500,
    title: 'Data folder not writable',
    hint: 'Choose a writable folder with --data.',
  },
  'data-in-use': {
    status: 500,
    title: 'Data folder in use',
    hint: 'Stop the other oxbow, or choose another folder with --data.',
  },
  'data-newer': {
    status: 500,
    title: 'Data folder of a newer version',
    hint: 'Run the version that wrote it or a newer one, or choose another folder with --data.',
  },
  'bad-backup': {
    status: 400,
    title: 'Invalid backup',
    hint: 'Nothing was changed. Use an intact backup; `oxbow backup -o FILE` creates one.',
  },
  'bad-range': { status: 416, title: 'Range not satisfiable', hint: 'The Content-Range header gives the length.' },
  'bad-setting': { status: 400, title: 'Invalid setting', hint: 'Run `oxbow config check`.' },
} as const satisfies Record<string, Refusal>;

/** The stable code of an error. */
export type RefusalCode = keyof typeof refusals;

/** A request that oxbow rejects or cannot fulfil: the error of formats and protocols, with a listed code. */
export type OxbowError = CodedError<RefusalCode>;

export const OxbowError = CodedError as new (
  ...args: ConstructorParameters<typeof CodedError<RefusalCode>>
) => OxbowError;

/** The row of the table for an error. */
export function refusalRow(error: OxbowError): Refusal {
  return refusals[error.code];
}

/** The same, as the reason in another sentence, or as the detail of a gap: without the full stop. */
export function reasonOf(error: unknown): string {
  return messageOf(error).replace(/\.$/, '');
}

/**
 * The message of any thrown value as the sentence that an `OxbowError` needs: a `FormatError` and a system
 * error say what is wrong without capital and full stop.
 */
export function sentenceOf(error: unknown): string {
  const message = messageOf(error).trim();
  const start = /^[a-z]+(?=[ ,;']|$)/.test(message) && !message.startsWith('oxbow') ? message[0]!.toUpperCase() : '';
  return `${start}${message.slice(start.length)}${/[.!?…]$/.test(message) ? '' : '.'}`;
}
