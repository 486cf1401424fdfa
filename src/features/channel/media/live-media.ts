/**
 * Reads a live stream for a channel.
 * In: its frames, from the last key frame on. Out: pieces of frames. The queue is bounded in bytes.
 */
import type { Track } from '@oxbow/media/frame';
import { type InboxSinks, openInbox } from '../../../live/inbox.ts';
import { type Media, playedTracks } from '../playable.ts';

/** Bytes that wait: some seconds of a large stream. */
const MAX_BYTES = 32 * 1024 * 1024;

/** The live frames of a stream; positions are UTC, µs since 1970. */
export function liveMedia(stream: { readonly sinks: InboxSinks }): Media {
  return {
    async *pieces(_fromUs, { signal }) {
      await using inbox = openInbox(stream.sinks, { name: 'channel', maxBytes: MAX_BYTES, signal, fromKeyFrame: true });
      let tracks: readonly Track[] = [];
      let offsetUs = 0;
      let jumps = false;
      for await (const item of inbox) {
        if (item.type === 'run') {
          tracks = playedTracks(item.context.tracks);
          offsetUs = item.context.run.utcOffsetUs;
          jumps = item.context.soft !== true;
        } else if (item.type === 'frame' && tracks.some(({ id }) => id === item.frame.trackId)) {
          yield { tracks, frames: [item.frame], offsetUs, jumps };
          jumps = false;
        }
      }
    },
  };
}
