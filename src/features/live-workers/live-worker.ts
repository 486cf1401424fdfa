/**
 * The side of a worker: it keeps a connection at the server that waits for live qualities while its devices
 * have free places, and encodes what comes.
 * In: the address of a server, the devices of this machine. Out: encoded pictures on the server.
 */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { EncoderView } from '../../api/workers/encoder-shapes.ts';
import type { Encoders } from '../../ffmpeg/encoders/encoder-pool.ts';
import { backoffMs, sleep } from '../../lib/abort.ts';
import { version } from '../../lib/version.ts';
import type { EncoderLink } from '../../transcode/live/remote/remote-encoders.ts';
import { serveEncoder } from '../../transcode/live/remote/serve-encoder.ts';
import { LIVE_WORKERS_PATH, type WorkerOffer } from './messages.ts';
import { closeSocket, openSocketLink, socketOptions } from './socket-link.ts';

/** Interval of the look at free places, ms. */
const LOOK_MS = 1000;
/** A server that sends nothing for this long is gone, ms; it pings every 5 s. */
const SILENCE_MS = 15_000;
const CONNECT_MS = 5000;
/** Pauses between connections that end before they are used, ms. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [200, 10_000];

/** Its server, and the devices that it offers. */
export interface LiveWorkerOptions {
  readonly server: { readonly url: string; readonly token: string };
  /** Name that people see. */
  readonly name: string;
  readonly encoders: Pick<Encoders, 'acquire'> & { view(): readonly EncoderView[] };
  /** The worker leaves: its qualities continue elsewhere. */
  readonly signal: AbortSignal;
}

/** Encodes live qualities until its signal fires. Never rejects. */
export async function runLiveWorker({ server, name, encoders, signal }: LiveWorkerOptions): Promise<void> {
  const id = randomUUID();
  const running = new Set<Promise<void>>();
  let tried = 0;
  while (!signal.aborted) {
    const offer = () => ({ id, name, ...freeOf(encoders.view()) });
    if (offer().places === 0) {
      await pause(LOOK_MS, signal);
      continue;
    }
    const isUsed = await waitForUse(server, offer, signal, (link) => {
      const serving = serveEncoder(link, { encoders, signal }).finally(() => running.delete(serving));
      running.add(serving);
    });
    if (!isUsed) {
      await pause(backoffMs(tried++, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), signal);
      continue;
    }
    tried = 0;
    // The places of what came are taken when its next offer is counted.
    await pause(LOOK_MS, signal);
  }
  await Promise.all(running);
}

/** Places of the devices that work, and the speed of the fastest that is free. */
export function freeOf(encoders: readonly EncoderView[]): Pick<WorkerOffer, 'places' | 'speed'> {
  const byDevice = new Map(
    encoders.filter(({ codec, state }) => codec === 'h264' && state === 'ready').map((each) => [each.device, each]),
  );
  const free = [...byDevice.values()].filter(({ used, sessions }) => used < sessions);
  return {
    places: free.reduce((sum, { used, sessions }) => sum + sessions - used, 0),
    speed: Math.max(0, ...free.map(({ speed, used }) => speed / (used + 1))),
  };
}

/** Only the signal rejects a pause, and ends the loop. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, { signal }).catch(() => undefined);
}

/**
 * Keeps a connection until a stream takes it.
 *
 * @param use gets it with the first message of the stream, and sets `onMessage` at once
 * @returns false if it ended before
 */
async function waitForUse(
  { url, token }: LiveWorkerOptions['server'],
  offer: () => WorkerOffer,
  signal: AbortSignal,
  use: (link: EncoderLink) => void,
): Promise<boolean> {
  const address = `${url.replace(/^http/, 'ws').replace(/\/$/, '')}${LIVE_WORKERS_PATH}`;
  const socket = new WebSocket(address, {
    ...socketOptions,
    handshakeTimeout: CONNECT_MS,
    headers: { authorization: `Bearer ${token}`, 'user-agent': `oxbow/${version}` },
  });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let link: ReturnType<typeof openSocketLink> | undefined;
  let sent = '';
  const say = () => {
    if (socket.readyState !== socket.OPEN) return;
    const text = JSON.stringify(offer());
    if (text !== sent) socket.send(text);
    sent = text;
  };
  const onAbort = () => {
    closeSocket(socket, 'the worker leaves');
    resolve(false);
  };
  socket.on('error', () => {}); // its close is what counts
  socket.once('open', say);
  endWhenSilent(socket);
  // Further messages may follow in the same turn.
  socket.on('message', (data, isBinary) => {
    if (!isBinary) return;
    if (!link) {
      link = openSocketLink(socket, () => {});
      use(link);
      resolve(true);
    }
    link.receive(data);
  });
  socket.once('close', () => resolve(false));
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setInterval(say, LOOK_MS);
  const isUsed = await promise;
  clearInterval(timer);
  signal.removeEventListener('abort', onAbort);
  return isUsed;
}

/** Ends a connection whose server is gone without a word. */
function endWhenSilent(socket: WebSocket): void {
  let heardMs = performance.now();
  const heard = () => {
    heardMs = performance.now();
  };
  for (const event of ['open', 'ping', 'message']) socket.on(event, heard);
  const timer = setInterval(() => {
    if (performance.now() - heardMs > SILENCE_MS) socket.terminate();
  }, LOOK_MS);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}
