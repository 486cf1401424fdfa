/**
 * Reads a recorded file GOP by GOP, without encoding.
 * In: an MP4 file with sample tables or fragments, or an MPEG-TS file. Out: the frames between two key
 * frames, on the clock of the file.
 */

import type { DemuxerOutput, Frame, Track } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { ticksToUs } from '@oxbow/media/run';
import { OxbowError } from '../../lib/errors.ts';
import { referenceOf } from '../../live/reference.ts';
import { readFragments, readTables } from '../mp4/bursts.ts';
import { openMovie } from '../mp4/movie-file.ts';
import { sameTracks } from '../same-tracks.ts';
import { TrackChange } from '../track-change.ts';
import type { LocalFile } from './local-file.ts';

/** Read at a time of MPEG-TS, bytes. */
const PIECE_BYTES = 1024 * 1024;
/** A longer GOP is passed on in pieces. */
const MAX_GOP_BYTES = 64 * 1024 * 1024;
const MAX_GOP_FRAMES = 20_000;
/** Sync byte of MPEG-TS: of the first packet, or of one with a time in front of it. */
const TS_SYNC = 0x47;

/** Frames from a key frame of the reference track to the next. */
export interface Gop {
  readonly tracks: readonly Track[];
  /** In the order of the file, those of each track in decode order. */
  readonly frames: readonly Frame[];
  /** First presentation time and end of the reference track, µs of the file. */
  readonly startUs: number;
  readonly endUs: number;
  /** Decode times of the first and last frame of the reference track, ticks. */
  readonly firstDts: number;
  readonly lastDts: number;
  /** False: the rest of a GOP that was too large. */
  readonly key: boolean;
  /** Damage that was skipped. */
  readonly damages: readonly string[];
}

/** Other results of reading a file. */
export interface GopNotes {
  /** Tracks that oxbow cannot store as they are. */
  leftOut: readonly LeftOutTrack[];
  /** Pictures before the first key frame, which cannot be decoded. */
  skipped: number;
}

/**
 * Reads a file from front to back. GOPs that are complete before an error are passed on.
 *
 * @throws FormatError if it is damaged or no such file; OxbowError `unsupported-media`; errors of the system
 */
export async function* readGops(
  file: LocalFile,
  notes: GopNotes,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<Gop, void> {
  const cutter = new GopCutter(notes);
  const start = await file.read(0, 8, { signal });
  const pieces = start[0] === TS_SYNC || start[4] === TS_SYNC ? readTs : readMp4;
  let failure: unknown;
  try {
    for await (const _ of pieces(file, cutter, { signal })) yield* cutter.take();
  } catch (error) {
    failure = error;
  }
  cutter.end();
  if (!signal.aborted) yield* cutter.take();
  if (failure !== undefined) throw failure;
}

async function* readTs(file: LocalFile, cutter: GopCutter, { signal }: { signal: AbortSignal }): AsyncGenerator<void> {
  const demuxer = createTsDemuxer(cutter);
  for (let at = 0; at < file.length; at += PIECE_BYTES) {
    demuxer.push(await file.read(at, PIECE_BYTES, { signal }));
    yield;
  }
  demuxer.flush();
}

async function* readMp4(file: LocalFile, cutter: GopCutter, { signal }: { signal: AbortSignal }): AsyncGenerator<void> {
  const movie = await openMovie(file, { signal });
  cutter.leftOut(movie.leftOut);
  const hasTables = movie.tracks.some(({ count }) => count > 0);
  if (!hasTables && !movie.fragmented) throw new OxbowError('unsupported-media', 'The file contains no media.');
  const bursts = hasTables ? readTables(file, movie, { signal }) : readFragments(file, { signal });
  for await (const { tracks, frames, damages } of bursts) {
    cutter.tracks(tracks);
    for (const damage of damages) cutter.damage(damage);
    for (const frame of frames) cutter.frame(frame);
    yield;
  }
}

/** Whether a track can be stored without encoding. */
function isStorable(track: Track): boolean {
  if (track.kind === 'video') return track.config.codec !== 'vp8' && track.config.codec !== 'mpeg2';
  if (track.kind !== 'audio') return true;
  return track.config.layer === undefined && track.config.codec !== 'pcmu' && track.config.codec !== 'pcma';
}

function isHeardOrSeen({ kind }: Track): boolean {
  return kind === 'video' || kind === 'audio';
}

/** Collects frames until a key frame of the reference track. */
class GopCutter implements DemuxerOutput {
  readonly #notes: GopNotes;
  #tracks: readonly Track[] = [];
  /** Those that were reported last: a change waits for its key frame. */
  #newest: readonly Track[] = [];
  readonly #change = new TrackChange<undefined>({
    start: (tracks) => this.#start(tracks),
    frame: (frame) => this.#add(frame),
    damage: (reason) => this.damage(reason),
    requestKeyFrame() {},
  });
  #reference: Track | undefined;
  #ids = new Set<number>();
  #frames: Frame[] = [];
  #referenceFrames: Frame[] = [];
  #bytes = 0;
  #isKey = true;
  #damages: string[] = [];
  #done: Gop[] = [];

  constructor(notes: GopNotes) {
    this.#notes = notes;
  }

  tracks(allTracks: readonly Track[]): void {
    const tracks = allTracks.filter(isStorable);
    const unsupported = allTracks.filter((track) => !isStorable(track));
    if (unsupported.length > 0) {
      this.#leaveOut(
        unsupported.map(({ kind, config }) => ({ kind: kind === 'data' ? 'unknown' : kind, name: config.codec })),
      );
    }
    if (this.#newest.length > 0 && sameTracks(this.#newest, tracks)) return;
    this.#newest = tracks;
    if (tracks.some(isHeardOrSeen)) this.#change.take(tracks);
    else this.#start(tracks);
  }

  frame(frame: Frame): void {
    if (this.#change.isOpen) this.#change.frame(frame, undefined);
    else this.#add(frame);
  }

  #start(tracks: readonly Track[]): void {
    this.#close(true);
    this.#tracks = tracks;
    this.#ids = new Set(tracks.map(({ id }) => id));
    this.#reference = tracks.some(isHeardOrSeen) ? referenceOf(tracks) : undefined;
  }

  #add(frame: Frame): void {
    if (!this.#ids.has(frame.trackId)) return;
    const isOwn = frame.trackId === this.#reference?.id;
    if (isOwn && frame.key) this.#close(true);
    else if (this.#bytes > MAX_GOP_BYTES || this.#frames.length >= MAX_GOP_FRAMES) this.#close(false);
    if (isOwn && !frame.key && this.#referenceFrames.length === 0 && this.#isKey) {
      this.#notes.skipped++;
      return;
    }
    if (isOwn) this.#referenceFrames.push(frame);
    this.#frames.push(frame);
    this.#bytes += frame.data.length;
  }

  damage(reason: string): void {
    if (this.#damages.length < 100) this.#damages.push(reason);
  }

  mayChange(): void {
    this.#change.expect();
  }

  leftOut(tracks: readonly LeftOutTrack[]): void {
    this.#leaveOut(tracks);
  }

  #leaveOut(tracks: readonly LeftOutTrack[]): void {
    if (tracks.length > 0) this.#notes.leftOut = tracks;
  }

  /** The GOPs that are complete. */
  *take(): Generator<Gop, void> {
    yield* this.#done.splice(0);
  }

  /** No more frames come. */
  end(): void {
    this.#change.end();
    this.#close(true);
  }

  /** @param isKeyNext the next frame of the reference is a key frame */
  #close(isKeyNext: boolean): void {
    const referenceFrames = this.#referenceFrames;
    const reference = this.#reference;
    if (referenceFrames.length > 0 && reference) {
      const { timescale } = reference;
      this.#done.push({
        tracks: this.#tracks,
        frames: this.#frames,
        startUs: ticksToUs(Math.min(...referenceFrames.map(({ pts }) => pts)), timescale),
        endUs: ticksToUs(Math.max(...referenceFrames.map(({ pts, duration }) => pts + duration)), timescale),
        firstDts: referenceFrames[0]!.dts,
        lastDts: referenceFrames.at(-1)!.dts,
        key: this.#isKey,
        damages: this.#damages,
      });
      // Frames of other tracks before the first key frame stay for it.
      this.#frames = [];
      this.#referenceFrames = [];
      this.#bytes = 0;
      this.#damages = [];
      this.#isKey = isKeyNext;
    }
  }
}
