/**
 * The hardware encoders of one try of a piece of video.
 * In: the pool of the machine, the renditions of a job. Out: the job with encoders, and which of them failed.
 */
import type { EncoderSession, Encoders } from '../../ffmpeg/encoders/encoder-pool.ts';
import type { EncoderFailure } from '../../ffmpeg/ladder-options.ts';
import type { EncodeJobInput } from './encode-job.ts';

/** The encoders of one try. Disposing returns their places. */
export class JobEncoders implements Disposable {
  /** The job, whose renditions name the encoders. */
  readonly input: EncodeJobInput;
  /** By the id of the track. */
  readonly #sessions: ReadonlyMap<number, EncoderSession>;
  readonly #failures = new Map<number, string>();

  private constructor(input: EncodeJobInput, sessions: ReadonlyMap<number, EncoderSession>) {
    this.input = input;
    this.#sessions = sessions;
  }

  /**
   * Takes an encoder for each rendition, those that cost most first; software encodes the others. Only the
   * first one is waited for: then the piece begins with those that are free. Abort rejects.
   */
  static async take(
    input: EncodeJobInput,
    pool: Encoders | undefined,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<JobEncoders> {
    const sessions = new Map<number, EncoderSession>();
    const { media } = input;
    if (!pool || media.kind !== 'video') return new JobEncoders(input, sessions);
    const largest = media.renditions.toSorted((a, b) => b.width * b.height - a.width * a.height);
    try {
      for (const { trackId, codec } of largest) {
        const session = await pool.acquire(codec, sessions.size === 0 ? 'job' : 'job-more', { signal });
        if (session) sessions.set(trackId, session);
      }
    } catch (error) {
      for (const session of sessions.values()) session[Symbol.dispose]();
      throw error;
    }
    const renditions = media.renditions.map((rendition) => {
      const session = sessions.get(rendition.trackId);
      return session ? { ...rendition, hardware: session.name, device: session.device } : rendition;
    });
    return new JobEncoders({ ...input, media: { ...media, renditions } }, sessions);
  }

  /** Whether a device encodes a rendition. */
  get areUsed(): boolean {
    return this.#sessions.size > 0;
  }

  /** The process reports that an encoder failed; the try fails after it. */
  note({ trackId, why }: EncoderFailure): void {
    this.#failures.set(trackId, why);
  }

  /**
   * The try has failed: reports the encoders that were named, or all if the process did not name one.
   *
   * @returns their names
   */
  failed(why: string): readonly string[] {
    const named = [...this.#sessions].filter(([trackId]) => this.#failures.has(trackId));
    const failed = named.length > 0 ? named : [...this.#sessions];
    for (const [trackId, session] of failed) session.fail(this.#failures.get(trackId) ?? why);
    return [...new Set(failed.map(([, { name }]) => name))];
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session[Symbol.dispose]();
  }
}
