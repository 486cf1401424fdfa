/**
 * One publisher over RTMP: its messages become frames of a stream.
 * In: media messages of wire/rtmp. Out: calls of a publisher session; warnings for the encoder.
 * docs/media.md 12.
 */

import { createFlvDemuxer, type FlvDemuxer } from '@oxbow/media/flv/demuxer';
import type { DemuxerOutput, Frame, Track, VideoTrack } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { type MediaType, messageType } from '@oxbow/wire/rtmp/message';
import type { RtmpPublication } from '@oxbow/wire/rtmp/server-contract';
import type { LayerChoice } from '../layer-choice.ts';
import { LayerQualities } from '../layer-qualities.ts';
import type { Publisher } from '../publisher.ts';

/** Without a key frame for this long the encoder gets a warning, ms. */
const KEY_FRAME_WITHIN_MS = 10_000;

/** What a publication reports. */
interface PublicationOwner {
  /** Bytes that the connection received. */
  readonly totalBytes: () => number;
  /** A sentence for the user of the encoder. */
  readonly warn: (description: string) => void;
  /** Which of several video tracks is that of the stream. */
  readonly choice: LayerChoice;
}

/** Feeds a publisher session. */
export class Publication implements RtmpPublication, DemuxerOutput {
  readonly #publisher: Publisher;
  readonly #owner: PublicationOwner;
  readonly #demuxer: FlvDemuxer;
  /** Further video tracks: qualities of the stream, whose picture is the first one. */
  readonly #layers: LayerQualities;
  /** By id; what is converted has one picture, and is none of the qualities. */
  #further: ReadonlyMap<number, VideoTrack> = new Map();
  /** The tracks of the stream. */
  #tracks: readonly Track[] = [];
  #videoTrack = -1;
  #keyFrameMs: number | undefined;

  constructor(publisher: Publisher, owner: PublicationOwner) {
    this.#publisher = publisher;
    this.#owner = owner;
    this.#layers = new LayerQualities(publisher.connection.qualities, owner.choice.takes);
    this.#demuxer = createFlvDemuxer(this);
  }

  message(type: MediaType, timestampMs: number, body: Uint8Array): void {
    this.#publisher.connection.stats.bytesIn = this.#owner.totalBytes();
    switch (type) {
      case messageType.audio:
        this.#demuxer.audio(body, timestampMs);
        return;
      case messageType.video:
        this.#demuxer.video(body, timestampMs);
        this.#checkKeyFrame(timestampMs);
        return;
      case messageType.data:
        this.#demuxer.data(body, timestampMs);
        this.#announce();
        return;
    }
  }

  end(detail: string, isOver: boolean): void {
    this.#demuxer.flush();
    this.#layers.close();
    this.#publisher.connection.isOver = isOver;
    this.#publisher.close(detail);
  }

  tracks(tracks: readonly Track[]): void {
    const videos = tracks.filter((track) => track.kind === 'video');
    const main = this.#mainOf(videos);
    const further = videos.filter((track) => track !== main);
    const before = this.#further;
    this.#further = new Map(further.map((track) => [track.id, track]));
    for (const id of before.keys()) if (!this.#further.has(id)) this.#layers.end(String(id));
    for (const track of further) {
      // One that is unchanged continues, whatever happens to the others.
      if (track.config === before.get(track.id)?.config) continue;
      if (track.config.codec === 'vp8') this.#layers.end(String(track.id));
      else this.#layers.start(String(track.id), track);
    }
    const ofStream = tracks.filter(({ id }) => !this.#further.has(id));
    // A quality that comes later, or changes, is no reason for another run.
    if (isSame(ofStream, this.#tracks)) return;
    this.#tracks = ofStream;
    this.#videoTrack = main?.id ?? -1;
    this.#publisher.startTracks(ofStream);
  }

  /** The first one is the default track of the specification; the settings may name another. */
  #mainOf(videos: readonly VideoTrack[]): VideoTrack | undefined {
    const { rank, isNamed } = this.#owner.choice;
    const [first, ...others] = videos;
    if (!first || !isNamed) return first;
    return others.reduce((best, track) => (rank(track.config) > rank(best.config) ? track : best), first);
  }

  frame(frame: Frame): void {
    if (this.#further.has(frame.trackId)) {
      this.#layers.frame(String(frame.trackId), frame);
      return;
    }
    if (frame.key && frame.trackId === this.#videoTrack) this.#keyFrameMs = undefined;
    this.#publisher.publish(frame);
  }

  damage(reason: string): void {
    this.#publisher.damage(reason);
  }

  leftOut(tracks: readonly LeftOutTrack[]): void {
    this.#publisher.leftOut(tracks);
  }

  /** Takes what onMetaData says of the encoder. */
  #announce(): void {
    const { stats } = this.#publisher.connection;
    const { encoder, rates } = this.#demuxer;
    stats.encoder = encoder ?? stats.encoder;
    stats.videoBitrate = rates?.video;
    stats.audioBitrate = rates?.audio;
    stats.frameRate = rates?.frameRate;
  }

  /** Warns once in each period without a key frame. */
  #checkKeyFrame(timestampMs: number): void {
    this.#keyFrameMs ??= timestampMs;
    if (timestampMs - this.#keyFrameMs < KEY_FRAME_WITHIN_MS) return;
    this.#keyFrameMs = timestampMs;
    this.#owner.warn('No key frame for 10 s. Set the key frame interval of the encoder to 2 s.');
  }
}

function isSame(tracks: readonly Track[], before: readonly Track[]): boolean {
  if (tracks.length !== before.length) return false;
  return tracks.every(({ id, config, language, label }, i) => {
    const other = before[i]!;
    return id === other.id && config === other.config && language === other.language && label === other.label;
  });
}
