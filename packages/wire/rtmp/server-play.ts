/**
 * A client that plays: its request, the statuses that it expects, and its media.
 * In: the commands that wire/rtmp/server read; media of the owner. Out: messages on the connection. RTMP 1.0
 * specification (Adobe, 2012), 7.2.2.1.
 */
import type { Duplex } from 'node:stream';
import type { Status } from './commands.ts';
import type { RtmpLink } from './link.ts';
import { MAX_MESSAGE_BYTES, type MediaType, userControl } from './message.ts';
import { type RtmpPlayback, type RtmpPlayer, type RtmpPlayRequest, RtmpRefusal } from './server-contract.ts';

/** With this much unsent, the owner waits, bytes. */
const HIGH_MARK_BYTES = 256 * 1024;

/** The connection, as the stream uses it. */
interface PlayedStreamSetup {
  readonly link: RtmpLink;
  /** Absent: the server does not play. */
  readonly play: ((request: RtmpPlayRequest) => Promise<RtmpPlayback>) | undefined;
  /** Whether the connection has not ended. */
  readonly isOpen: () => boolean;
  /** The client waits for the answer to its request on a message stream. */
  readonly awaitAnswer: (streamId: number) => void;
  readonly started: () => void;
  /** The client has stopped, and stays connected. */
  readonly stopped: () => void;
  /** Closes the connection for an error of `play`. */
  readonly refuse: (error: unknown) => void;
  /** Closes the connection when everything was sent. */
  readonly finished: () => void;
  readonly notify: (status: Status) => void;
}

/** At most one playback at a time. */
export class PlayedStream implements RtmpPlayer {
  /** Bytes of media. */
  sentBytes = 0;
  readonly #socket: Duplex;
  readonly #setup: PlayedStreamSetup;
  #isAsking = false;
  #playback: RtmpPlayback | undefined;
  #streamId = 0;
  /** Of `drained`. */
  readonly #waiting = new Set<() => void>();

  constructor(socket: Duplex, setup: PlayedStreamSetup) {
    this.#socket = socket;
    this.#setup = setup;
    socket.on('drain', () => this.#wake());
  }

  /** Whether the client plays, or waits for the answer. */
  get isBusy(): boolean {
    return this.#isAsking || this.#playback !== undefined;
  }

  /** Most bytes that may be unsent: a large message above the mark, and those of other messages. */
  maxUnsentBytes(others: number): number {
    return this.#playback ? others + HIGH_MARK_BYTES + 2 * MAX_MESSAGE_BYTES : others;
  }

  /**
   * The client requests a stream.
   *
   * @throws RtmpRefusal if the server does not play
   */
  request(request: RtmpPlayRequest, streamId: number): void {
    const { play, awaitAnswer } = this.#setup;
    if (!play) {
      throw new RtmpRefusal(
        'NetStream.Play.Failed',
        'This server does not play over RTMP. Open the stream in a browser, or use its HLS address.',
      );
    }
    this.#isAsking = true;
    this.#streamId = streamId;
    awaitAnswer(streamId);
    void this.#ask(play, request);
  }

  /** The client stops, if it plays. */
  stop(): void {
    if (!this.#playback) return;
    this.end();
    this.#setup.notify({ level: 'status', code: 'NetStream.Play.Stop', description: 'Stopped.' });
    this.#setup.stopped();
  }

  /** The connection has ended, or the playback. */
  end(): void {
    const playback = this.#playback;
    this.#playback = undefined;
    this.#wake();
    playback?.end();
  }

  write(type: MediaType, timestampMs: number, body: Uint8Array): boolean {
    if (!this.#playback) return true;
    this.sentBytes += body.length;
    this.#setup.link.write(type, timestampMs, this.#streamId, body);
    return this.#socket.writableLength <= HIGH_MARK_BYTES;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#playback && this.#socket.writableNeedDrain) this.#waiting.add(resolve);
      else resolve();
    });
  }

  finish(): void {
    if (!this.#playback) return;
    const { notify, link, finished } = this.#setup;
    notify({ level: 'status', code: 'NetStream.Play.UnpublishNotify', description: 'The stream has ended.' });
    notify({ level: 'status', code: 'NetStream.Play.Stop', description: 'The stream has ended.' });
    link.writeUserControl(userControl.streamEof, this.#streamId);
    finished();
  }

  /** Never rejects. */
  async #ask(play: NonNullable<PlayedStreamSetup['play']>, request: RtmpPlayRequest): Promise<void> {
    const { isOpen, refuse } = this.#setup;
    try {
      const playback = await play(request);
      this.#isAsking = false;
      if (isOpen()) this.#start(playback);
      else playback.end();
    } catch (error) {
      this.#isAsking = false;
      refuse(error);
    }
  }

  #start(playback: RtmpPlayback): void {
    const { link, notify, started } = this.#setup;
    this.#playback = playback;
    started();
    link.writeUserControl(userControl.streamBegin, this.#streamId);
    notify({ level: 'status', code: 'NetStream.Play.Reset', description: 'Playing.' });
    notify({ level: 'status', code: 'NetStream.Play.Start', description: 'Playing.' });
    this.#socket.resume();
    playback.start(this);
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
