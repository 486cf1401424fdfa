/**
 * Adding and removing marks: the draft in the dialog, and its requests.
 * In: key N, the marker panel. Out: requests; the timeline is requested again.
 */
import { ApiError, type Failure, failureOf } from '../../api/client.ts';
import { addMarker, addPin, getMarks, removeMark } from '../../api/marks.ts';
import { toast } from '../../components/toasts/toast.svelte.ts';
import type { TimelineState } from '../../timeline/state.svelte.ts';
import { failureText, t } from '../../viewer/preferences.svelte.ts';
import { session } from '../../viewer/session.svelte.ts';
import { type Draft, type Mark, readMarks } from './marks.ts';

/** The marks of one stream, while its page is open. */
export class Marking {
  /** The content of the dialog; null: it is closed. */
  draft = $state.raw<Draft | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  /** All marks of the stream; null before the first response, and if they are not available. */
  all = $state.raw<ReturnType<typeof readMarks> | null>(null);
  readonly #stream: string;
  readonly #timeline: Pick<TimelineState, 'refresh'>;
  readonly #ends = new AbortController();
  #reading = new AbortController();

  constructor(stream: string, timeline: Pick<TimelineState, 'refresh'>) {
    this.#stream = stream;
    this.#timeline = timeline;
  }

  /** Requests all marks of the stream; a response to an earlier request is dropped. */
  async read(): Promise<void> {
    this.#reading.abort();
    this.#reading = new AbortController();
    const signal = AbortSignal.any([this.#ends.signal, this.#reading.signal]);
    try {
      const { markers, pins } = await getMarks(this.#stream, signal);
      this.all = readMarks(markers, pins);
    } catch (error) {
      if (!signal.aborted && !(error instanceof ApiError)) throw error; // otherwise the list shows the marks of the bar
    }
  }

  /**
   * Opens the dialog for a marker at a time; does nothing without a picture.
   * @param atMs unix milliseconds
   */
  mark(atMs: number | null): void {
    if (atMs !== null) this.#open({ kind: 'marker', atMs: Math.round(atMs) });
  }

  /** Opens the dialog for protecting a span. Unix milliseconds. */
  pin(fromMs: number, toMs: number): void {
    this.#open({ kind: 'pin', fromMs: Math.round(fromMs), toMs: Math.round(toMs) });
  }

  /** Removes a mark at once, with an undo action; the dialog asks to sign in if no user is. */
  async remove(mark: Mark): Promise<void> {
    if (!session.may('mark') || !(await this.#remove(mark))) this.#open({ kind: 'remove', mark }, this.failure);
  }

  /**
   * Performs the action of the dialog, and closes it on success.
   *
   * @param text may be empty for a protected span
   */
  async confirm(text: string): Promise<void> {
    const { draft } = this;
    if (!draft || this.busy) return;
    const done = await (draft.kind === 'remove' ? this.#remove(draft.mark) : this.#add(draft, text.trim()));
    if (done && this.draft === draft) this.draft = null;
  }

  close(): void {
    this.#ends.abort();
  }

  #open(draft: Draft, failure: Failure | null = null): void {
    this.failure = failure;
    this.draft = draft;
  }

  #remove(mark: Mark): Promise<boolean> {
    return this.#try(async (signal) => {
      await removeMark(this.#stream, mark.kind === 'marker' ? 'markers' : 'pins', mark.id, signal);
      const action = { text: t('clips.undo'), run: () => void this.#putBack(mark) };
      toast({ text: t(mark.kind === 'marker' ? 'mark.removed' : 'mark.unpinned'), action });
    });
  }

  /** The toast with the undo action may outlive the page, and then there is no dialog to show a failure. */
  async #putBack(mark: Mark): Promise<void> {
    try {
      await this.#post(mark, mark.text, new AbortController().signal);
    } catch (error) {
      toast({ text: failureText(failureOf(error)).title, tone: 'bad' });
      return;
    }
    if (!this.#ends.signal.aborted) await Promise.all([this.#timeline.refresh(), this.read()]);
  }

  #add(mark: Exclude<Draft, { kind: 'remove' }> | Mark, text: string): Promise<boolean> {
    return this.#try((signal) => this.#post(mark, text, signal));
  }

  async #post(mark: Exclude<Draft, { kind: 'remove' }> | Mark, text: string, signal: AbortSignal): Promise<void> {
    const time = (ms: number) => new Date(ms).toISOString();
    if (mark.kind === 'marker') await addMarker(this.#stream, { at: time(mark.atMs), text }, signal);
    else await addPin(this.#stream, { from: time(mark.fromMs), to: time(mark.toMs), text }, signal);
  }

  async #try(work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const { signal } = this.#ends;
    this.busy = true;
    try {
      await work(signal);
      this.failure = null;
      await Promise.all([this.#timeline.refresh(), this.read()]);
      return true;
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
