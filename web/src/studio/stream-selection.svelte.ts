/**
 * Which stream is published to: one that exists, or the name, the title and the viewers of a new one.
 * In: the API, the choices of the user. Out: fields for the form, the name of a stream for the broadcast.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { suggestName } from '../../../src/api/source/suggested-name.ts';
import { isStreamName } from '../../../src/api/stream/stream-name.ts';
import { createStream, getStreams } from '../api/client.ts';

/** Who may watch a new stream. */
type Visibility = 'public' | 'unlisted' | 'signed' | 'private';

/** All of them, in the order of forms. */
export const visibilities: readonly Visibility[] = ['public', 'unlisted', 'signed', 'private'];

export class StreamSelection {
  /** The streams that can be published to; null before the first answer. */
  streams = $state.raw<readonly StreamView[] | null>(null);
  /** Name of the chosen stream; empty: a new one. */
  stream = $state('');
  newName = $state('');
  /** Title of a new stream, for viewers; may be empty. */
  title = $state('');
  visibility = $state<Visibility>('unlisted');
  readonly #suggestedName: string;

  /**
   * @param stream name of the stream; empty: a new one
   * @param newName name of a new stream; if it is taken, one like it is suggested
   */
  constructor(stream: string, newName: string) {
    this.stream = stream;
    this.newName = newName;
    this.#suggestedName = newName;
  }

  /** A stream is chosen, or a new one has a valid name. */
  get hasName(): boolean {
    return this.stream !== '' || isStreamName(this.newName.trim());
  }

  /** Requests the streams. Throws ApiError; aborts with `signal`. */
  async read(signal: AbortSignal): Promise<void> {
    const streams = await getStreams(signal);
    this.streams = streams.filter(({ source }) => source.type === 'push');
    const names = streams.map(({ name }) => name);
    if (this.newName === this.#suggestedName) this.newName = suggestName(this.#suggestedName, '', names);
  }

  /** Creates the new stream, chooses it, and returns its name. Throws ApiError; aborts with `signal`. */
  async create(signal: AbortSignal): Promise<string> {
    const name = this.newName.trim();
    const title = this.title.trim();
    const texts = title === '' ? {} : { title };
    await createStream({ name, source: { type: 'push' }, visibility: this.visibility, ...texts }, signal);
    this.stream = name;
    return name;
  }
}
