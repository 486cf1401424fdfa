/**
 * Message types of RTMP, and bounds.
 * In: nothing. Out: constants and types of the other files of this folder. RTMP 1.0 specification (Adobe,
 * 2012), 5.4, 7.1.
 */

/** Message type ids (5.4, 7.1). */
export const messageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
  aggregate: 22,
} as const;

/** Types of messages with media: audio, video, data. */
export type MediaType = 8 | 9 | 18;

/** Events of user control messages (7.1.7). */
export const userControl = { streamBegin: 0, streamEof: 1, streamDry: 2, pingRequest: 6, pingResponse: 7 } as const;

/** Chunk size before the first Set Chunk Size message (5.4.1), bytes. */
export const DEFAULT_CHUNK_SIZE = 128;

/** Largest message: its length has 24 bits. */
export const MAX_MESSAGE_BYTES = 0xffffff;

/**
 * Receives complete messages, synchronously and in order.
 *
 * @param type of `messageType`, or another one
 * @param timestampMs 0 to 2^32 - 1, wraps
 * @param streamId id of the message stream
 * @param body belongs to the receiver, which may keep it
 */
export type OnMessage = (type: number, timestampMs: number, streamId: number, body: Uint8Array) => void;
