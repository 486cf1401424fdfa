/**
 * A complete stream on virtual time, from frames to players, in one process and without a socket.
 * In: media, played in real time on a virtual clock. Out: all playlists that players received, and a function
 * that returns the response of any path: live, past, bytes.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import { parseMediaAddress } from '../../../src/api/media-address.ts';
import { openRangeReader, type RangeReader } from '../../../src/archive/range-reader.ts';
import { bytesOf } from '../../../src/delivery/delivery.fixture.ts';
import { createMediaRouter } from '../../../src/delivery/media-router.ts';
import type { Reply } from '../../../src/delivery/reply.ts';
import { Stills } from '../../../src/delivery/stills.ts';
import { OxbowError, refusalRow } from '../../../src/lib/errors.ts';
import type { RunStart } from '../../../src/live/input.ts';
import { lastSealedOf } from '../../../src/packager/live-segment.ts';
import type { ManagedStream } from '../../../src/streams/managed-stream.ts';
import { openStreams, type RigChange, type StreamsRig, temporaryFolder } from '../../../src/streams/streams.fixture.ts';
import { Follower } from '../checker.ts';
import { type Media, startS } from './encoded-media.ts';
import { type Fetched, type FetchPath, Player } from './recording-player.ts';

/** Name of the stream. */
export const STREAM = 'door';
/** A ten-minute mark, ms since 1970. */
export const MARK_MS = 1_795_000_200_000;

/**
 * Segments between two full checks of all playlists and bytes; playlists alone are checked after each change.
 */
const LOOK_EVERY = 5;

/** Options of playback. */
export interface PlayOptions {
  /** Source of UTC; default as for a push protocol. */
  readonly clock?: RunStart['clock'];
  /**
   * Segment duration of a source that delivers complete segments, seconds; undefined for one that delivers
   * frame by frame.
   */
  readonly burstS?: number;
  /** Speed of the clock of the source; default 1. */
  readonly speed?: number;
  /** Players start after this many seconds; Infinity to test only the past. */
  readonly seenFromS?: number;
}

export interface HarnessOptions {
  /** Start, ms since 1970; default 100 s after a ten-minute mark. */
  readonly nowMs?: number;
  readonly config?: RigChange['config'];
  /** Whether players follow the playlists of HLS; default true. */
  readonly players?: boolean;
}

/** One stream, its players, and its recording. */
export class StreamHarness implements AsyncDisposable {
  readonly #closing: AsyncDisposableStack;
  readonly #options: HarnessOptions;
  readonly #ended = new AbortController();
  readonly #players = new Map<string, Player>();
  readonly #watched = new Set<Player>();
  /** Called after each change of the live window, once it has a segment. */
  readonly onChange: (() => Promise<void>)[] = [];
  #folder: string;
  #rig: StreamsRig;
  #answer: ReturnType<typeof createMediaRouter>;
  #reader: RangeReader;
  #version = -1;
  #nextLook = 0;
  /** Checks every received playlist and each complete segment against the standard. */
  readonly checker = new Follower((path) => this.fetch(path), `/live/${STREAM}/index.m3u8`, { still: true });

  private constructor(closing: AsyncDisposableStack, options: HarnessOptions, folder: string, rig: StreamsRig) {
    this.#closing = closing;
    this.#options = options;
    this.#folder = folder;
    this.#rig = rig;
    this.#reader = openRangeReader(rig.segments);
    this.#answer = this.#createMediaRouter();
  }

  /** Opens a harness in a temporary folder. */
  static async open(options: HarnessOptions = {}): Promise<StreamHarness> {
    const closing = new AsyncDisposableStack();
    const folder = closing.use(await temporaryFolder());
    const rig = closing.use(await openRig(folder.path, options, options.nowMs ?? MARK_MS + 100_000));
    await rig.api.create(STREAM, { source: { type: 'test' } });
    return new StreamHarness(closing, options, folder.path, rig);
  }

  get rig(): StreamsRig {
    return this.#rig;
  }

  get stream(): ManagedStream {
    return this.#rig.catalog.get(STREAM);
  }

  get nowMs(): number {
    return this.#rig.clock.nowMs();
  }

  /** Those who followed a list, by its path. */
  get players(): ReadonlyMap<string, Player> {
    return this.#players;
  }

  /** Answers a path as HTTP would. */
  readonly fetch: FetchPath = async (path, signal = this.#ended.signal) => {
    const [plain, query] = path.split('?') as [string, string?];
    try {
      const reply = await this.#answer(parseMediaAddress(plain)!, new URLSearchParams(query), { signal });
      return fetchedOf(reply, await this.#bytesOf(reply));
    } catch (error) {
      if (!(error instanceof OxbowError)) throw error;
      return refusalOf(error);
    }
  };

  /**
   * Plays media from now on; each frame comes when it is whole. Players look after each change of the list.
   */
  async play(media: Media, options: PlayOptions = {}): Promise<void> {
    const { clock = 'source', burstS, speed = 1, seenFromS = 0 } = options;
    const { input } = this.#rig.source(STREAM);
    const fromS = startS(media);
    const reference = media.tracks.find(({ kind }) => kind === 'video') ?? media.tracks[0]!;
    const first = media.frames.find(({ trackId }) => trackId === reference.id)!;
    const startMs = this.nowMs;
    const utcOffsetUs = Math.round(startMs * 1000) - ticksToUs(first.pts, reference.timescale);
    const pace = burstS ? ({ kind: 'bursty', intervalS: 1.5 * burstS } as const) : ({ kind: 'continuous' } as const);
    input.startRun({ tracks: media.tracks, utcOffsetUs, clock, pace });
    for (const { atS, frames } of burstS ? bursts(media, reference, burstS) : singles(media)) {
      this.#advanceTo(startMs + ((atS - fromS) * 1000) / speed);
      for (const frame of frames) input.publish(frame);
      if (burstS) input.flush();
      if (atS - fromS >= seenFromS) await this.look();
      else if (this.stream.served.list.version % 64 === 0) await this.#rig.settle();
    }
    await this.#rig.settle();
    if (seenFromS !== Number.POSITIVE_INFINITY && this.stream.served.list.ready) await this.checker.look();
  }

  /** The source sends nothing for a while, without a notice. */
  async pause(ms: number): Promise<void> {
    this.#rig.clock.advance(ms);
    await this.look();
  }

  /** The source says that it is down, for this long. */
  async down(ms: number): Promise<void> {
    this.#rig.source(STREAM).input.absent('source-down', 'the harness is empty');
    await this.#rig.settle();
    await this.look();
    this.#rig.clock.advance(ms);
    await this.look();
  }

  /** The source ends: so does the list. */
  async end(): Promise<void> {
    this.#rig.source(STREAM).done.resolve('the play is over');
    await this.#rig.settle();
    await this.look();
  }

  /** The process ends, in order or not, and another one continues after `afterMs`. */
  async restart(afterMs: number, { crash = false } = {}): Promise<void> {
    await this.#rig.settle();
    const nowMs = this.nowMs + afterMs;
    if (crash) this.#folder = this.#closing.use(await this.#rig.crash()).path;
    else await this.#rig[Symbol.asyncDispose]();
    this.#reader[Symbol.dispose]();
    this.#rig = this.#closing.use(await openRig(this.#folder, this.#options, nowMs));
    this.#reader = openRangeReader(this.#rig.segments);
    this.#answer = this.#createMediaRouter();
    this.#version = -1;
    for (const player of this.#players.values()) player.reconnect();
  }

  /** Players reload, if there is anything new. */
  async look(): Promise<void> {
    const { list } = this.stream.served;
    if (list.version === this.#version) return;
    this.#version = list.version;
    if (list.ready) for (const look of this.onChange) await look();
    if (this.#options.players === false) return;
    if (list.generation && list.ready) this.#join(list.generation.number);
    for (const player of this.#watched) {
      const from = player.received.length;
      await player.look();
      for (const { how, path, text } of player.received.slice(from)) if (how === 'plain') this.checker.take(path, text);
      if (player.ended) this.#watched.delete(player);
    }
    const sealed = lastSealedOf(list.segments)?.msn ?? -1;
    if (!list.ready || sealed < this.#nextLook) return;
    this.#nextLook = sealed + LOOK_EVERY;
    await this.checker.look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort(new DOMException('the play is over', 'AbortError'));
    this.#reader[Symbol.dispose]();
    await this.#closing[Symbol.asyncDispose]();
  }

  /** A player for each rendition that the stream has now. */
  #join(generation: number): void {
    const { tracks, qualities } = this.stream.served.list.state;
    for (const { id } of renditionsOf([...tracks, ...qualities.map(({ track }) => track)]).all) {
      const path = `/live/${STREAM}/${id}/g${generation}.m3u8`;
      if (this.#players.has(path)) continue;
      const player = new Player(path, { fetch: this.fetch, nowMs: () => this.nowMs, signal: this.#ended.signal });
      this.#players.set(path, player);
      this.#watched.add(player);
    }
  }

  #advanceTo(ms: number): void {
    const aheadMs = ms - this.nowMs;
    if (aheadMs > 0) this.#rig.clock.advance(aheadMs);
  }

  #createMediaRouter(): ReturnType<typeof createMediaRouter> {
    const { catalog, clock } = this.#rig;
    const reader = this.#reader;
    const makeStill = () => Promise.reject(new Error('the harness has no stills'));
    const stills = new Stills({ reader, signal: this.#ended.signal, makeStill });
    return createMediaRouter({ find: (name) => catalog.find(name)?.served, clock, reader, stills });
  }

  #bytesOf(reply: Reply): Promise<Uint8Array> {
    return bytesOf(reply, this.#reader);
  }
}

function openRig(folder: string, { config }: HarnessOptions, nowMs: number): Promise<StreamsRig> {
  return openStreams({ folder, nowMs, ...(config && { config }) });
}

function fetchedOf({ contentType, cacheControl }: Reply, body: Uint8Array): Fetched {
  const headers = { 'content-type': contentType, 'cache-control': cacheControl };
  const isText = /mpegurl|dash/.test(contentType);
  return { status: 200, headers, body, text: isText ? new TextDecoder().decode(body) : '' };
}

function refusalOf(error: OxbowError): Fetched {
  const { retryAfterSeconds } = error.extra;
  const headers = { ...(typeof retryAfterSeconds === 'number' && { 'retry-after': String(retryAfterSeconds) }) };
  return { status: refusalRow(error).status, code: error.code, headers, body: new Uint8Array(), text: '' };
}

interface Arrival {
  /** Media time at which the frames are whole, seconds. */
  readonly atS: number;
  readonly frames: readonly Frame[];
}

function singles({ tracks, frames }: Media): Arrival[] {
  const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  return frames.map((frame) => ({
    atS: (frame.dts + frame.duration) / timescales.get(frame.trackId)!,
    frames: [frame],
  }));
}

/**
 * Segments begin at the first key frame after each `burstS`; their frames come at their end, half a second
 * later.
 */
function bursts({ tracks, frames }: Media, reference: Track, burstS: number): Arrival[] {
  const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  const own = frames.filter(({ trackId }) => trackId === reference.id);
  const cuts: number[] = [];
  for (const { key, dts } of own) {
    const atS = dts / reference.timescale;
    if (key && (cuts.length === 0 || atS >= cuts.at(-1)! + burstS - 0.01)) cuts.push(atS);
  }
  const last = own.at(-1)!;
  cuts.push((last.dts + last.duration) / reference.timescale);
  return cuts.slice(1).map((endS, i) => ({
    atS: endS + 0.5,
    frames: frames.filter((frame) => {
      const s = frame.dts / timescales.get(frame.trackId)!;
      return (s >= cuts[i]! - 1e-6 || i === 0) && (s < endS - 1e-6 || i === cuts.length - 2);
    }),
  }));
}
