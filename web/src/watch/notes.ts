/**
 * The short notes of the player: their text, and their removal after a while.
 * In: notes of the player. Out: a sentence over the picture. Owns its timer.
 */
import type { Failure } from '../api/client.ts';
import { pause } from '../api/poll.ts';
import type { MediaState, Note } from '../media/state.ts';
import type { TextKey } from '../text/text.ts';
import type { LinkNote } from './picture/link-note.ts';

/** How long a note stays, milliseconds. */
const STAYS_MS = 8_000;

/** Formats causes and times for the reader. */
interface NoteWords {
  t(key: TextKey, values?: Readonly<Record<string, string>>): string;
  moment(atMs: number): string;
  /** The reason of a failure, in a few words. */
  reason(failure: Failure): string;
}

/**
 * The sentence over the picture: the player's note, or that live is being retried; empty if there is none.
 */
export function noteText(
  { note, tryingLive }: Pick<MediaState, 'note' | 'tryingLive'>,
  { t, moment, reason }: NoteWords,
): string {
  if (!note) return tryingLive ? t('note.tryingLive') : '';
  if (note.key === 'note.nothingAfter') return t('note.nothingAfter');
  if (note.key === 'note.failed') return t('note.failed', { reason: reason(note.failure) });
  if (note.key === 'note.missing') return t('note.missing', { time: moment(note.toMs) });
  const { skipped } = note;
  const time = moment(skipped.toMs);
  if (skipped.kind !== 'gap' || !skipped.cause) return t('note.skippedOffline', { time });
  return t('note.skippedGap', { cause: t(`cause.${skipped.cause}`), time });
}

/** The sentence about a link. */
export function linkText(note: LinkNote, { t, moment }: NoteWords): string {
  return note.key === 'note.begins' ? t(note.key, { time: moment(note.atMs) }) : t(note.key);
}

/** Removes each note after a while; `close` ends that. */
export class NoteTimer {
  readonly #forget: () => void;
  #note: Note | LinkNote | null = null;
  #timer = new AbortController();

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  /** Sets the current note; the same object does not restart the timer. */
  show(note: Note | LinkNote | null): void {
    if (note === this.#note) return;
    this.#note = note;
    this.#timer.abort();
    if (!note) return;
    const timer = new AbortController();
    this.#timer = timer;
    pause(STAYS_MS, timer.signal).then(() => {
      if (!timer.signal.aborted) this.#forget();
    });
  }

  close(): void {
    this.#timer.abort();
  }
}
