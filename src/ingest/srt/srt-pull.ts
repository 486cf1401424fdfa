/**
 * Pulls MPEG-TS from an SRT listener, as caller.
 * In: the payloads of the connection. Out: runs and frames for the stream; an error when the connection ends,
 * after which it is retried.
 */
import { isIP } from 'node:net';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { SrtRejectedError } from '@oxbow/wire/srt/rejection';
import type { SrtConnection } from '@oxbow/wire/srt/srt';
import type { SrtAddress } from '../../config/srt-url.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import { FEED_TICK_MS, TsFeed, type TsFeedOptions } from '../mpegts/ts-feed.ts';
import type { PullLog } from '../pull/pull-log.ts';
import { updateStats } from './srt-stats.ts';

/** A connection without video and audio is given up after this time, ms. */
const SILENT_MS = 10_000;

/** What is pulled. */
interface SrtPullOptions extends Omit<TsFeedOptions, 'protocol' | 'program' | 'input'> {
  readonly address: SrtAddress;
  /** Latency if the address has none, ms. */
  readonly latencyMs: number;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  readonly net: Pick<Net, 'resolveHost'>;
  readonly input: TsFeedOptions['input'];
  readonly log: PullLog;
}

/**
 * Pulls until `signal` aborts (rejects with its reason) or the connection ends.
 *
 * @throws OxbowError `source-failed` if the listener does not answer, rejects, ends or has no media;
 *   `address-refused`
 * @throws FormatError if it does not send MPEG-TS, or no program with supported media
 */
export async function runSrtPull(options: SrtPullOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const { input, clock, log } = options;
  const connection = await connect(options, signal);
  const feed = new TsFeed({ ...options, protocol: 'srt', program: options.address.program });
  let failure: unknown;
  const guard = (work: () => void) => {
    if (failure !== undefined) return;
    try {
      work();
    } catch (error) {
      failure = error;
      connection.close();
    }
  };
  connection.onData = (payload) => guard(() => feed.push(payload));
  log.info({ remote: connection.remote, latencyMs: connection.latencyMs }, 'the stream receives MPEG-TS over SRT');
  let frames = 0;
  let framesMs = clock.monotonicMs();
  const timer = setInterval(() => {
    guard(() => {
      if (!feed.tick()) return;
      const nowMs = clock.monotonicMs();
      if (input.connection) updateStats(input.connection.stats, connection.stats());
      if (feed.frames !== frames) framesMs = nowMs;
      frames = feed.frames;
      if (nowMs - framesMs < SILENT_MS) return;
      throw failed(options, `has sent no video or audio for ${SILENT_MS / 1000} s`);
    });
  }, FEED_TICK_MS);
  const why = await connection.closed;
  clearInterval(timer);
  guard(() => feed.end());
  signal.throwIfAborted();
  throw failure ?? failed(options, `ended the connection (${why})`);
}

async function connect(options: SrtPullOptions, signal: AbortSignal): Promise<SrtConnection> {
  const { address, net, trusted, latencyMs } = options;
  const { addresses } = await net.resolveHost(address.host, address.port, { signal, trusted });
  try {
    return await connectSrt({
      address: addresses[0]!.address,
      port: address.port,
      streamId: address.streamId,
      passphrase: address.passphrase,
      keyLength: address.keyLength,
      latencyMs: address.latencyMs ?? latencyMs,
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof SrtRejectedError ? reasonOf(error) : `does not answer: ${reasonOf(error)}`;
    throw failed(options, why, error);
  }
}

function failed({ address: { host, port } }: SrtPullOptions, why: string, cause?: unknown): OxbowError {
  const where = `srt://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  return new OxbowError('source-failed', `${where} ${why}.`, cause === undefined ? {} : { cause });
}
