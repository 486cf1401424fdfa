/**
 * The refusals of publishers that may not publish, each with what to change.
 * In: why a key is not accepted. Out: OxbowError `publish-denied` or `bad-name`, without secrets. Pure.
 */
import { invalidStreamName } from '../../api/stream/stream-name.ts';
import { OxbowError } from '../../lib/errors.ts';

const WHERE = 'Enter NAME?key=KEY as the stream key, or the key alone.';
const GET_ONE = 'Create a key on the page Go live, or with `oxbow stream key NAME`.';

/** What is wrong with a publisher's request, and what to do. */
const denials = {
  missing: ['The stream key is missing.', `${WHERE} ${GET_ONE}`],
  unknown: ['The stream key is unknown: it is mistyped or was revoked.', `${GET_ONE} ${WHERE}`],
  expired: ['The stream key has expired.', GET_ONE],
  'needs-name': ['The name of the stream is missing: the stream key does not say which one.', WHERE],
} as const;

/** Keys have at least so many characters; those of an authorization server may be shorter. */
const LEAST_KEY = 16;
/** In place of a name that may be a key. */
export const HIDDEN_NAME = '(unknown)';

/**
 * Whether a text that was sent as a name, and is none of a stream, may be a key: the fields of encoders are
 * easily confused, and others read refusals.
 *
 * @param hasServer an authorization server knows other keys
 */
export function mayBeKey(text: string, hasServer: boolean): boolean {
  return hasServer || text.length >= LEAST_KEY;
}

/** The same refusal without a name that may be a key. */
export function withoutName(error: OxbowError, name: string): OxbowError {
  // Sentences about invalid names have their beginning.
  const hide = (text: string) => text.replaceAll(name, HIDDEN_NAME).replaceAll(name.slice(0, 80), HIDDEN_NAME);
  const { hint } = error.extra;
  const extra = { ...error.extra, ...(typeof hint === 'string' && { hint: hide(hint) }) };
  return new OxbowError(error.code, hide(error.message), { extra });
}

/** A denial by its kind. */
export function denied(kind: keyof typeof denials): OxbowError {
  const [detail, hint] = denials[kind];
  return deny(detail, hint);
}

/** A key that may not be used from an address. */
export function deniedAddress(address: string): OxbowError {
  return deny(
    `This stream key may not be used from ${address}.`,
    `Publish from an allowed address, or create a key that allows ${address}.`,
  );
}

/** A key that is for other streams. */
export function deniedStream(name: string, prefix?: string): OxbowError {
  return prefix === undefined
    ? deny(`The stream key is not for the stream ${name}.`, `Use a key of ${name}, or the key without a name.`)
    : deny(`The stream key is not for the stream ${name}.`, `Use a name that begins with "${prefix}".`);
}

/** The authorization server refuses the publisher, with its own words or none. */
export function deniedByServer(detail: string): OxbowError {
  const hint = 'Ask the operator of this server: its authorization server (`auth.url`) decides who may publish.';
  return deny(detail || 'The authorization server refused the publisher.', hint);
}

/** A playback token that is not valid. */
export function refusedToken(code: 'watch-refused' | 'watch-expired'): OxbowError {
  const reason = code === 'watch-expired' ? 'has expired' : 'is for another stream, was revoked, or is incomplete';
  return new OxbowError(code, `The playback token ${reason}.`);
}

/** The name of a stream is invalid; a key in the name is not repeated. */
export function badName(name: string): OxbowError {
  return new OxbowError('bad-name', invalidStreamName(name.replace(/ok_[\w-]+/g, 'ok_…')));
}

function deny(detail: string, hint: string): OxbowError {
  return new OxbowError('publish-denied', detail, { extra: { hint } });
}
