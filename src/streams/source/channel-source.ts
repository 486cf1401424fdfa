/**
 * The contract of channels: streams whose media is a schedule of stored and live media.
 * In: features/channel implements it. Out: sources, the guide. Types, and the one without channels.
 */
import type { StreamInput } from '../../live/input.ts';

/** What a channel shows. Times are ms since 1970. */
export interface ChannelProgramme {
  readonly fromMs: number;
  readonly toMs: number;
  readonly title: string;
}

/** Plays channels, and says what they play. */
export interface Channels {
  /**
   * Plays the schedule of a stream until aborted; resolves with the reason in words.
   *
   * @param streamId its id
   */
  run(streamId: string, input: StreamInput, options: { readonly signal: AbortSignal }): Promise<string>;
  /** What is scheduled in [fromMs, toMs), in order; undefined: the stream is no channel. */
  programmes(stream: string, fromMs: number, toMs: number): readonly ChannelProgramme[] | undefined;
  /** What viewers read of the room that a channel follows; undefined: it follows none, or is no channel. */
  roomTitle(stream: string): string | undefined;
}

/** Without a feature that plays channels. */
export const noChannels: Channels = {
  run: async () => 'this oxbow plays no channels',
  programmes: () => undefined,
  roomTitle: () => undefined,
};
