/**
 * Explains failures of yt-dlp to users.
 * In: the end of its stderr, and the last request that the proxy refused. Out: a message, a hint, and whether
 * a retry may help.
 */
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { refusedPhrase } from '../../net/net.ts';

interface Known {
  readonly match: RegExp;
  readonly sentence: string;
  readonly hint?: string;
  /** A later attempt may succeed. */
  readonly retryable?: true;
}

const NO_LOGIN = 'oxbow is not signed in to the site. Use a page that anyone can open.';
const UPDATE = 'Sites change often: update yt-dlp (`pipx upgrade yt-dlp`, or `yt-dlp -U`), then try again.';

/** In order of precedence: an error message may match several. */
const failures: readonly Known[] = [
  {
    match: new RegExp(refusedPhrase),
    sentence: 'yt-dlp tried to bypass the proxy of oxbow',
    hint: 'oxbow blocks that. Update yt-dlp: `pipx upgrade yt-dlp`, or `yt-dlp -U`.',
  },
  { match: /DRM/, sentence: 'the video is protected by DRM', hint: 'oxbow cannot record protected video.' },
  { match: /private video|video is private|is private\b/i, sentence: 'the video is private', hint: NO_LOGIN },
  {
    match: /members[- ]only|members on level|join this channel|subscribers?[- ]only|premium|purchase|paid/i,
    sentence: 'the video is for paying members only',
    hint: NO_LOGIN,
  },
  {
    match:
      /not available (?:in|from|for) your (?:country|location|region)|geo[- ]?restrict|blocked it in your country/i,
    sentence: 'the video is not available in this country',
    hint: 'The site sees the location of the oxbow server.',
  },
  {
    match:
      /will begin (?:in|at|on)|premieres in|upcoming|not (?:yet )?(?:started|begun|live)|not currently live|is offline|no live stream/i,
    sentence: 'the stream is not live yet',
    hint: 'oxbow retries automatically while the stream exists.',
    retryable: true,
  },
  {
    match: /too many requests|HTTP Error 429|rate.?limit/i,
    sentence: 'the site reports too many requests',
    hint: 'Wait some time before the next attempt.',
    retryable: true,
  },
  {
    match: /sign in|log ?in|login|cookies|account|confirm your age|age.restrict|password/i,
    sentence: 'the site requires signing in',
    hint: NO_LOGIN,
  },
  {
    match: /Unsupported URL|is not a valid URL|no video (?:could be )?found|no media found|There's no video/i,
    sentence: 'yt-dlp found no video on the page',
    hint: 'Use the address of the page of the video itself.',
  },
  {
    match: /requested format is not available/i,
    sentence: 'no format of the page matches pages.format',
    hint: '`yt-dlp -F URL` lists the formats of the page.',
  },
  {
    match:
      /video (?:is )?(?:unavailable|not available)|has been removed|no longer available|does not exist|HTTP Error (?:404|410)/i,
    sentence: 'the video does not exist or was removed',
    hint: 'Check the address in a browser.',
  },
  {
    match:
      /timed? ?out|getaddrinfo|name or service not known|temporary failure|connection|network is unreachable|unable to connect|tunnel (?:connection )?failed|HTTP Error 5\d\d|remote end closed|SSL/i,
    sentence: 'the site is unreachable',
    retryable: true,
  },
  {
    match: /no such option|unrecognized arguments|yt-dlp: error/i,
    sentence: 'this version of yt-dlp does not support an option that oxbow uses',
    hint: UPDATE,
  },
  {
    match: /unable to extract|failed to (?:extract|parse)|report this issue|nsig|unsupported player|HTTP Error 40[03]/i,
    sentence: 'yt-dlp cannot extract the page',
    hint: UPDATE,
  },
];

/** Error messages of the programs that yt-dlp starts when the proxy refuses a request. */
const stoppedByProxy = new RegExp(`${refusedPhrase}|tunnel (?:connection )?failed.*\\b403\\b`, 'i');

/**
 * Converts an error of yt-dlp; `extra.retryable`: a later attempt may succeed.
 *
 * @param stderr the last few KiB that yt-dlp printed
 * @param host of the page
 * @param refusal the last refusal of the proxy, if there was one
 */
export function explainFailure(stderr: string, host: string, refusal?: OxbowError): OxbowError {
  const complaint = lastComplaint(stderr);
  if (refusal && (refusal.code !== 'address-refused' || stoppedByProxy.test(complaint))) {
    const code = refusal.code === 'address-refused' ? refusal.code : 'page-failed';
    return new OxbowError(
      code,
      sentenceOf(`${host}: the proxy refused a request of yt-dlp: ${refusal.message}`.slice(0, 300)),
      {
        cause: refusal,
        extra: { retryable: refusal.extra.retryable === true },
      },
    );
  }
  const failure = failures.find(({ match }) => match.test(complaint));
  const sentence = failure?.sentence ?? (complaint === '' ? 'yt-dlp failed without a message' : `yt-dlp: ${complaint}`);
  return new OxbowError('page-failed', sentenceOf(`${host}: ${sentence}`.slice(0, 300)), {
    extra: { retryable: failure?.retryable === true, ...(failure?.hint !== undefined && { hint: failure.hint }) },
  });
}

/** User, password, query and fragment of addresses. */
const SECRETS = /([a-z][a-z0-9+.-]*:\/\/)(?:[^\s"<>/?#]*@)?([^\s"<>?#]*)(?:[?#][^\s"<>]*)?/gi;

/** The last line with an error, without secrets of addresses, and details for developers of yt-dlp. */
function lastComplaint(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => !line.startsWith('Reading options from STDIN'));
  const line =
    lines.findLast((each) => /^(ERROR|yt-dlp: error)/.test(each)) ?? lines.findLast((each) => each !== '') ?? '';
  return line
    .replaceAll(/\p{Cc}\[[0-9;]*m/gu, '')
    .replace(/^ERROR:\s*/, '')
    .replace(/^\[[\w:+-]+\]\s*(?:\S+:\s)?/, '')
    .replace(
      /[;.]?\s*(?:please report this issue|Confirm you are on the latest version).*$/is,
      '; please report this issue',
    )
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll(SECRETS, '$1$2')
    .slice(0, 200);
}
