/**
 * A live stream of another node as a local list of sinks: while it has sinks, its frames are read from the
 * node that owns it, and from the next owner after that one.
 * In: the body of a response of the owner. Out: calls of the sinks, as at the owner. docs/decisions/0121.
 */
import { FormatError } from '@oxbow/media/errors';
import type { Track } from '@oxbow/media/frame';
import { MessageSplitter, parseFrame, parseTracks } from '../../../ffmpeg/frame-protocol.ts';
import { backoffMs, sleep } from '../../../lib/abort.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { InboxSinks } from '../../../live/inbox.ts';
import { KeyFrameRequests } from '../../../live/key-frame-requests.ts';
import type { RunContext } from '../../../live/sink.ts';
import { SinkList } from '../../../live/sink-list.ts';
import type { NodeView, Placement } from '../../placement/placement.ts';
import { internalTarget } from '../internal-requests.ts';
import type { NodeClient } from '../node-client.ts';
import { frameKinds, MAX_MESSAGE_BYTES, parseRun } from './frame-messages.ts';

/** An owner that sends nothing for this long is left, ms. It says twice a second that it is there. */
const IDLE_MS = 3000;
/** Pauses before the owner is looked for again, ms. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1000;
const REQUEST_MS = 2000;
const MAX_REFUSAL_BYTES = 4096;

/** What a stream is followed with. */
export interface RemoteStreamOptions {
  readonly name: string;
  /** The first sink gets the frames since the last key frame at once. */
  readonly fromKeyFrame: boolean;
  readonly client: Pick<NodeClient, 'send'>;
  readonly placement: Pick<Placement, 'lookUp'>;
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The owner has left, or its frames cannot be read; it is tried again. Or a sink failed. */
  readonly failed: (stream: string, error: unknown) => void;
  /** It has its first sink, or none any more. */
  readonly used: (isUsed: boolean) => void;
}

/** Reads its owner while it has sinks; without a sink it costs nothing. */
export class RemoteStream {
  readonly sinks: InboxSinks;
  readonly #options: RemoteStreamOptions;
  readonly #list: SinkList;
  readonly #keyFrames: KeyFrameRequests;
  /** Ends the reading; undefined while there is no sink. */
  #reading: AbortController | undefined;
  /** The node whose frames come. */
  #owner: NodeView | undefined;
  #context: RunContext | undefined;
  #tracks: readonly Track[] = [];

  constructor(options: RemoteStreamOptions) {
    this.#options = options;
    const { clock } = options;
    this.#keyFrames = new KeyFrameRequests(clock, () => this.#owner && (() => void this.#sendKeyFrameRequest()));
    const list = new SinkList({
      clock,
      keyFrames: this.#keyFrames,
      emit: (event) => {
        if (event.type !== 'sink-failed') return;
        options.failed(options.name, event.error);
        this.#settle();
      },
    });
    this.#list = list;
    this.sinks = {
      memory: list.memory,
      attach: (sink, attach) => {
        const attached = list.attach(sink, attach);
        this.#read();
        return {
          [Symbol.dispose]: () => {
            attached[Symbol.dispose]();
            this.#settle();
          },
        };
      },
      lost: (...loss) => list.lost(...loss),
      pressed: (change) => list.pressed(change),
      requestKeyFrame: () => list.requestKeyFrame(),
    };
  }

  #read(): void {
    if (this.#reading || this.#options.signal.aborted) return;
    const reading = new AbortController();
    this.#reading = reading;
    this.#options.used(true);
    const end = () => reading.abort(this.#options.signal.reason);
    this.#options.signal.addEventListener('abort', end, { once: true });
    void this.#run(reading.signal).finally(() => this.#options.signal.removeEventListener('abort', end));
  }

  /** Ends the reading when no sink is left. */
  #settle(): void {
    if (!this.#reading || this.#list.pressure().sinks.length > 0) return;
    this.#reading.abort(new DOMException('the stream is not followed any more', 'AbortError'));
    this.#reading = undefined;
    this.#owner = undefined;
    this.#endRun();
    this.#options.used(false);
  }

  /** Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        if (await this.#follow(signal)) tries = 0;
      } catch (error) {
        if (!signal.aborted) this.#options.failed(this.#options.name, error);
      }
      if (signal.aborted) return;
      this.#owner = undefined;
      this.#endRun();
      await sleep(backoffMs(tries, FIRST_PAUSE_MS, MAX_PAUSE_MS), { signal }).catch(() => undefined); // aborted
    }
  }

  /** Reads the frames of the owner for as long as they come; returns whether any message came. */
  async #follow(signal: AbortSignal): Promise<boolean> {
    const { name, fromKeyFrame, client, placement } = this.#options;
    const owner = await placement.lookUp('stream', name);
    if (owner === undefined || owner === 'own' || !owner.isAlive) return false;
    using response = await client.send(owner, {
      method: 'GET',
      target: internalTarget.frames(name, fromKeyFrame),
      maxBytes: Number.MAX_SAFE_INTEGER,
      deadlineMs: 'none',
      idleMs: IDLE_MS,
      signal,
    });
    if (response.status !== 200) return false;
    this.#owner = owner;
    let isFollowed = false;
    const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => {
      isFollowed = true;
      // The last sink has left, and what was read before goes nowhere.
      if (!signal.aborted) this.#take(kind, payload);
    });
    for await (const piece of response.stream()) splitter.push(piece);
    return isFollowed;
  }

  #take(kind: number, payload: Uint8Array): void {
    if (kind === frameKinds.frame) this.#write(payload);
    else if (kind === frameKinds.tracks) this.#tracks = parseTracks(payload);
    else if (kind === frameKinds.end) this.#endRun();
    else if (kind === frameKinds.run) {
      const context = parseRun(payload, this.#tracks);
      if (!context.soft) this.#endRun();
      this.#context = context;
      this.#list.startRun(context);
    }
  }

  #write(payload: Uint8Array): void {
    const context = this.#context;
    if (!context) throw new FormatError('a frame of another node before its run', 0);
    const frame = parseFrame(payload);
    if (frame.trackId === context.reference.id) this.#keyFrames.add(frame);
    this.#list.write(frame);
  }

  #endRun(): void {
    if (!this.#context) return;
    this.#context = undefined;
    this.#list.endRun();
  }

  /** A request that is lost is sent again, until a key frame comes. */
  async #sendKeyFrameRequest(): Promise<void> {
    const owner = this.#owner;
    const { name, client, signal } = this.#options;
    if (!owner) return;
    try {
      using _response = await client.send(owner, {
        method: 'POST',
        target: internalTarget.keyFrame(name),
        maxBytes: MAX_REFUSAL_BYTES,
        deadlineMs: REQUEST_MS,
        signal,
      });
    } catch {
      // the next one, or the next key frame
    }
  }
}
