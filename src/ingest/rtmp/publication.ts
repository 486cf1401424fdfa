/**
 * One publisher over RTMP: its messages become frames of a stream.
 * In: media messages of wire/rtmp. Out: calls of a publisher session; warnings for the encoder.
 * docs/media.md 12.
 */

import { createFlvDemuxer, type FlvDemuxer } from '@oxbow/media/flv/demuxer';
import type { DemuxerOutput, Frame, Track } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { type MediaType, messageType } from '@oxbow/wire/rtmp/message';
import type { RtmpPublication } from '@oxbow/wire/rtmp/server-contract';
import type { Publisher } from '../publisher.ts';

/** Without a key frame for this long the encoder gets a warning, ms. */
const KEY_FRAME_WITHIN_MS = 10_000;

/** What a publication reports. */
interface PublicationOwner {
  /** Bytes that the connection received. */
  readonly totalBytes: () => number;
  /** A sentence for the user of the encoder. */
  readonly warn: (description: string) => void;
}

/** Feeds a publisher session. */
export class Publication implements RtmpPublication, DemuxerOutput {
  readonly #publisher: Publisher;
  readonly #owner: PublicationOwner;
  readonly #demuxer: FlvDemuxer;
  #videoTrack = -1;
  #keyFrameMs: number | undefined;

  constructor(publisher: Publisher, owner: PublicationOwner) {
    this.#publisher = publisher;
    this.#owner = owner;
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
    this.#publisher.connection.isOver = isOver;
    this.#publisher.close(detail);
  }

  tracks(tracks: readonly Track[]): void {
    this.#videoTrack = tracks.find(({ kind }) => kind === 'video')?.id ?? -1;
    this.#publisher.startTracks(tracks);
  }

  frame(frame: Frame): void {
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
