/**
 * Sends the frames of a live stream of this node to another node, until that one leaves or the stream is
 * closed.
 * In: the sinks of the stream. Out: the body of a response, in messages. A slow network loses whole GOPs.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { printFrame } from '../../../ffmpeg/frame-protocol.ts';
import { type InboxSinks, openInbox } from '../../../live/inbox.ts';
import { aliveMessage, endMessage, printRun, sentTracks } from './frame-messages.ts';

/** Bytes that wait for the network: some seconds of a large stream. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Without a frame, the other node gets a sign that the stream is followed this often, ms. */
const ALIVE_MS = 500;

/** A node that reads nothing for this long is left, ms: it is frozen, or its network is gone. */
const STUCK_MS = 10_000;

/** How a stream is sent. */
interface SendOptions {
  /** From the last key frame on, not from the next one. */
  readonly fromKeyFrame: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Sends frames; resolves when the response has ended. */
export async function sendFrames(
  sinks: InboxSinks,
  response: ServerResponse,
  { fromKeyFrame, signal }: SendOptions,
): Promise<void> {
  const left = new AbortController();
  const leave = () => left.abort();
  response.once('close', leave);
  signal.addEventListener('abort', leave, { once: true });
  // A response that is closed says so no more.
  if (signal.aborted || response.destroyed) leave();
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  const beat = setInterval(() => {
    if (response.writableLength === 0) response.write(aliveMessage);
  }, ALIVE_MS);
  beat.unref();
  try {
    await using inbox = openInbox(sinks, { name: 'node', maxBytes: MAX_BYTES, signal: left.signal, fromKeyFrame });
    let ids: ReadonlySet<number> = new Set();
    const print = (item: typeof inbox extends AsyncIterable<infer Item> ? Item : never) => {
      if (item.type === 'end') return endMessage;
      if (item.type === 'frame') return ids.has(item.frame.trackId) ? printFrame(item.frame) : undefined;
      const tracks = sentTracks(item.context);
      ids = new Set(tracks.map(({ id }) => id));
      return printRun(item.context, tracks);
    };
    for await (const item of inbox) {
      const message = print(item);
      if (message && !response.write(message)) await drained(response, left.signal);
    }
  } catch (error) {
    if (!left.signal.aborted) throw error;
  } finally {
    clearInterval(beat);
    signal.removeEventListener('abort', leave);
    response.end();
  }
}

/** Waits until a response takes more; one that is stuck is destroyed. Rejects then, and with the signal. */
async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  const stuck = setTimeout(() => response.destroy(), STUCK_MS);
  try {
    await once(response, 'drain', { signal });
  } finally {
    clearTimeout(stuck);
  }
}
