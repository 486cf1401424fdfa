/**
 * What yt-dlp complains of, in words that help.
 * In: the last of its stderr, and what the proxy did not let out. Out: a sentence, what to do, and whether trying again may help.
 */
import { OxbowError } from '../../lib/errors.ts';
import { refusedPhrase } from '../../net/net.ts';

interface Known {
  readonly match: RegExp;
  readonly sentence: string;
  readonly hint?: string;
  /** Asking again after a while may help. */
  readonly retryable?: true;
}

const NO_LOGIN = 'oxbow asks as somebody who is not signed in. Record it from an address that anyone may open.';
const UPDATE = 'Sites change often: update yt-dlp (`pipx upgrade yt-dlp`, or `yt-dlp -U`), then try again.';

/** In the order in which they are tried: a complaint often holds the words of several. */
const known: readonly Known[] = [
  {
    match: new RegExp(refusedPhrase),
    sentence: 'the page leads yt-dlp past the way that oxbow guards',
    hint: 'That is refused. A newer yt-dlp may go the right way: `pipx upgrade yt-dlp`, or `yt-dlp -U`.',
  },
  { match: /DRM/, sentence: 'the video is protected by DRM', hint: 'oxbow does not take protected video.' },
  { match: /private video|video is private|is private\b/i, sentence: 'the video is private', hint: NO_LOGIN },
  {
    match: /members[- ]only|members on level|join this channel|subscribers?[- ]only|premium|purchase|paid/i,
    sentence: 'the video is for members who pay',
    hint: NO_LOGIN,
  },
  {
    match:
      /not available (?:in|from|for) your (?:country|location|region)|geo[- ]?restrict|blocked it in your country/i,
    sentence: 'the site does not show the video in this country',
    hint: 'oxbow asks from where it runs; another place may be allowed.',
  },
  {
    match:
      /will begin (?:in|at|on)|premieres in|upcoming|not (?:yet )?(?:started|begun|live)|not currently live|is offline|no live stream/i,
    sentence: 'the stream is not live yet',
    hint: 'oxbow asks again by itself while the stream is set up here.',
    retryable: true,
  },
  {
    match: /too many requests|HTTP Error 429|rate.?limit/i,
    sentence: 'the site asks to come back later',
    hint: 'It was asked too often from here. Wait a while.',
    retryable: true,
  },
  {
    match: /sign in|log ?in|login|cookies|account|confirm your age|age.restrict|password/i,
    sentence: 'the site wants somebody who is signed in',
    hint: NO_LOGIN,
  },
  {
    match: /Unsupported URL|is not a valid URL|no video (?:could be )?found|no media found|There's no video/i,
    sentence: 'there is no video that yt-dlp knows',
    hint: 'Open the page of the video itself, and take its address.',
  },
  {
    match: /requested format is not available/i,
    sentence: 'the page has no format that pages.format selects',
    hint: 'Look at what it has with `yt-dlp -F URL`.',
  },
  {
    match:
      /video (?:is )?(?:unavailable|not available)|has been removed|no longer available|does not exist|HTTP Error (?:404|410)/i,
    sentence: 'the video is not there (any more)',
    hint: 'Open the page in a browser; check the address.',
  },
  {
    match:
      /timed? ?out|getaddrinfo|name or service not known|temporary failure|connection|network is unreachable|unable to connect|tunnel (?:connection )?failed|HTTP Error 5\d\d|remote end closed|SSL/i,
    sentence: 'the site cannot be reached',
    retryable: true,
  },
  {
    match: /no such option|unrecognized arguments|yt-dlp: error/i,
    sentence: 'this yt-dlp does not know an option that oxbow uses',
    hint: UPDATE,
  },
  {
    match: /unable to extract|failed to (?:extract|parse)|report this issue|nsig|unsupported player|HTTP Error 40[03]/i,
    sentence: 'yt-dlp does not understand the page',
    hint: UPDATE,
  },
];

/** How the programs that yt-dlp goes out with tell that the proxy refused. */
const stoppedByProxy = new RegExp(`${refusedPhrase}|tunnel (?:connection )?failed.*\\b403\\b`, 'i');

/**
 * Turns a complaint into a refusal; `extra.retryable` says whether trying again may help.
 *
 * @param stderr the last few KiB of what yt-dlp printed; not kept
 * @param host of the page
 * @param refusal what the proxy refused last, if anything
 */
export function explainFailure(stderr: string, host: string, refusal?: OxbowError): OxbowError {
  const complaint = lastComplaint(stderr);
  if (refusal && (refusal.code !== 'address-refused' || stoppedByProxy.test(complaint))) {
    const code = refusal.code === 'address-refused' ? refusal.code : 'page-failed';
    return new OxbowError(code, `${host}: yt-dlp was not let through: ${refusal.message}`.slice(0, 300), {
      cause: refusal,
      extra: { retryable: refusal.extra.retryable === true },
    });
  }
  const found = known.find(({ match }) => match.test(complaint));
  const sentence = found?.sentence ?? (complaint === '' ? 'yt-dlp ended without a word' : `yt-dlp says: ${complaint}`);
  return new OxbowError('page-failed', `${host}: ${sentence}`.slice(0, 300), {
    extra: { retryable: found?.retryable === true, ...(found?.hint !== undefined && { hint: found.hint }) },
  });
}

/** The last line that names an error, without what only developers of yt-dlp need. */
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
    .slice(0, 200);
}
