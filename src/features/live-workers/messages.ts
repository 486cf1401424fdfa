/**
 * What a worker and a server say on the WebSocket of live qualities, as text. Binary messages are those of
 * ffmpeg/frame-protocol.
 * In: text. Out: messages. docs/6-library/encoders.md.
 */

/** Path of the WebSocket. */
export const LIVE_WORKERS_PATH = '/api/v1/live-workers';
/** Characters of a reason in a close frame, which has at most 123 bytes; RFC 6455 5.5. */
const MAX_REASON = 40;

/** From a worker whose connection waits for qualities: first of all, and when its places change. */
export interface WorkerOffer {
  /** Of its process. */
  readonly id: string;
  /** Name that people see. */
  readonly name: string;
  /** Qualities that it can take now. */
  readonly places: number;
  /** Of its fastest free encoder, pictures of 720p in a second. */
  readonly speed: number;
}

/** Reads an offer; undefined if it is none. */
export function parseOffer(text: string): WorkerOffer | undefined {
  try {
    const { id, name, places, speed } = JSON.parse(text) as Partial<Record<keyof WorkerOffer, unknown>>;
    const isNamed = typeof id === 'string' && id.length <= 64 && typeof name === 'string' && name.length <= 100;
    const isCounted = Number.isInteger(places) && (places as number) >= 0 && Number.isFinite(speed);
    return isNamed && isCounted ? { id, name, places: places as number, speed: speed as number } : undefined;
  } catch {
    return undefined; // not JSON
  }
}

/** A reason that fits into a close frame. */
export const closeReason = (why: string): Buffer => Buffer.from(why.slice(0, MAX_REASON));
