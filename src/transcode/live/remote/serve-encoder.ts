/**
 * The worker's end of a link: takes places on devices and runs the process that encodes.
 * In: messages of a server, as a process gets them over its pipe. Out: its answers.
 */
import type { VideoTrack } from '@oxbow/media/frame';
import type { EncoderSession, Encoders } from '../../../ffmpeg/encoders/encoder-pool.ts';
import {
  MessageSplitter,
  messageKinds,
  parseCut,
  parseFrame,
  parseJson,
  parseMark,
  parseTracks,
  printFrame,
  printMark,
  printTracks,
} from '../../../ffmpeg/frame-protocol.ts';
import type { LadderVideoRendition } from '../../../ffmpeg/ladder-options.ts';
import { type LiveEncoder, type LiveEncoderOutput, openLiveEncoder } from '../../../ffmpeg/live-ladder.ts';
import type { LiveLadderOptions } from '../../../ffmpeg/live-ladder-options.ts';
import { messageOf } from '../../../lib/errors.ts';
import { MAX_LINK_MESSAGE, printJson } from './linked-encoder.ts';
import type { EncoderLink } from './remote-encoders.ts';

/** What a session needs. */
export interface ServedEncoderOptions {
  readonly encoders: Pick<Encoders, 'acquire'>;
  readonly open?: typeof openLiveEncoder;
  readonly signal: AbortSignal;
}

/** A message for the process. */
type Call = (encoder: LiveEncoder) => void;

/**
 * Serves one link until it ends or `signal` fires: the link is closed then. Resolves when the process has
 * ended and its places are free. Never rejects.
 */
export async function serveEncoder(link: EncoderLink, options: ServedEncoderOptions): Promise<void> {
  const session = new ServedEncoder(link, options);
  const onAbort = () => link.close('the worker leaves');
  options.signal.addEventListener('abort', onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  await link.ended;
  options.signal.removeEventListener('abort', onAbort);
  await session.end();
}

class ServedEncoder {
  readonly #link: EncoderLink;
  readonly #options: ServedEncoderOptions;
  readonly #over = new AbortController();
  /** By track. */
  readonly #places = new Map<number, EncoderSession>();
  #track: VideoTrack | undefined;
  #encoder: LiveEncoder | undefined;
  /** Calls are made in order, also while places are taken. */
  #turn: Promise<void> = Promise.resolve();
  #isIdle = true;

  constructor(link: EncoderLink, options: ServedEncoderOptions) {
    this.#link = link;
    this.#options = options;
    const splitter = new MessageSplitter(MAX_LINK_MESSAGE, (kind, payload) => this.#take(kind, payload));
    link.onMessage = (message) => splitter.push(message);
  }

  /** Ends the process and returns the places. */
  async end(): Promise<void> {
    this.#over.abort(new DOMException('the link has ended', 'AbortError'));
    await this.#turn;
    await this.#encoder?.[Symbol.asyncDispose]();
    for (const place of this.#places.values()) place[Symbol.dispose]();
    this.#places.clear();
  }

  #take(kind: number, payload: Uint8Array): void {
    if (kind === messageKinds.tracks) this.#track = parseTracks(payload)[0] as VideoTrack;
    else if (kind === messageKinds.options) {
      const track = this.#track!;
      const options = parseJson(payload) as LiveLadderOptions;
      this.#later(() => this.#begin(track, options));
    } else {
      const call = callOf(kind, payload);
      if (call) this.#call(call);
    }
  }

  #call(call: Call): void {
    if (this.#isIdle && this.#encoder) call(this.#encoder);
    else this.#later(async () => this.#encoder && call(this.#encoder));
  }

  #later(work: () => Promise<unknown>): void {
    this.#isIdle = false;
    const turn = this.#turn
      .then(() => (this.#over.signal.aborted ? undefined : work()))
      .then(
        () => undefined,
        (error) => this.#link.close(messageOf(error).slice(0, 100)),
      )
      .finally(() => {
        if (this.#turn === turn) this.#isIdle = true;
      });
    this.#turn = turn;
  }

  /** A run begins: each rung gets a place on a device, which it keeps in the runs that follow. */
  async #begin(track: VideoTrack, options: LiveLadderOptions): Promise<void> {
    const renditions: LadderVideoRendition[] = [];
    for (const rendition of options.renditions) {
      const place = await this.#placeOf(rendition);
      renditions.push({ ...rendition, hardware: place.name, device: place.device });
    }
    const orders = renditions.map(({ trackId, hardware = '', device = '' }) => ({ trackId, hardware, device }));
    this.#encoder ??= await this.#open();
    this.#encoder.begin(track, { ...options, renditions });
    this.#link.send(printJson(messageKinds.encoder, orders));
  }

  async #placeOf({ trackId, codec }: LadderVideoRendition): Promise<EncoderSession> {
    const place =
      this.#places.get(trackId) ?? (await this.#options.encoders.acquire(codec, 'live', { signal: this.#over.signal }));
    if (!place) throw new Error('no video device is free');
    this.#places.set(trackId, place);
    return place;
  }

  async #open(): Promise<LiveEncoder> {
    const link = this.#link;
    const output: LiveEncoderOutput = {
      track: (track) => link.send(printTracks([track])),
      frame: (frame) => link.send(printFrame(frame)),
      mark: (mark) => link.send(printMark(mark)),
      encoderFailed: (failure) => {
        this.#places.get(failure.trackId)?.fail(failure.why);
        link.send(printJson(messageKinds.encoderFailed, failure));
      },
    };
    const encoder = await (this.#options.open ?? openLiveEncoder)(output);
    void encoder.ended.then((why) => {
      // A device that hangs ends it too.
      if (!this.#over.signal.aborted) for (const place of this.#places.values()) place.fail(why);
      link.close(why.slice(0, 100));
    });
    return encoder;
  }
}

function callOf(kind: number, payload: Uint8Array): Call | undefined {
  switch (kind) {
    case messageKinds.enabled: {
      const trackIds = parseJson(payload) as readonly number[];
      return (encoder) => encoder.enable(trackIds);
    }
    case messageKinds.cut: {
      const at = parseCut(payload);
      return (encoder) => encoder.cut(at);
    }
    case messageKinds.frame: {
      const frame = parseFrame(payload);
      return (encoder) => encoder.send(frame);
    }
    case messageKinds.mark: {
      const mark = parseMark(payload);
      return (encoder) => encoder.mark(mark);
    }
    default:
      return undefined;
  }
}
