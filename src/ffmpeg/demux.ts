/**
 * Runs a process that describes a file and sends its packets: FFmpeg's demuxers for all containers that oxbow
 * has none for.
 * In: bytes at any position. Out: a description, then packets in the order of the file.
 */
import { OxbowError } from '../lib/errors.ts';
import { type EngineChild, openChild } from './child-process.ts';
import { type DemuxInfo, type DemuxPacket, demuxKinds, parsePacket } from './demux-shape.ts';
import { messageKinds, parseJson, printMessage } from './frame-protocol.ts';
import type { StreamInput } from './stream-input.ts';

export type { DemuxInfo, DemuxPacket, DemuxStream } from './demux-shape.ts';

/** Index tables of long files; about 640 MB of it are Node's own reservations. */
const MAX_DATA_BYTES = 1536 * 1024 * 1024;
/** Processor time that any file may take, seconds: one that never ends is cut there. */
const MAX_CPU_S = 300;
/** And for its length: a tenth of the slowest reading of real files. */
const BYTES_PER_CPU_S = 2 * 1024 * 1024;
/** Longest start, ms; usual are 200. */
const START_MS = 20_000;
/** Packets that wait for their reader, bytes: beyond that the child gets no more input. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** An open file. Disposing ends its process. */
export interface Demuxer extends AsyncDisposable {
  readonly info: DemuxInfo;
  /**
   * Reads the file to its end; called once.
   *
   * @param indexes streams whose packets come
   * @returns after the last packet, the error that ended the file early; empty if none did
   * @throws OxbowError `engine-failed` if the process ends; the signal's reason when aborted
   */
  packets(indexes: readonly number[]): AsyncGenerator<readonly DemuxPacket[], string>;
}

/** Packets between the process and their reader. */
class Waiting {
  #packets: DemuxPacket[] = [];
  #bytes = 0;
  #changed = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();
  /** The error that ended the file early, or empty; undefined before the end. */
  #ended: string | undefined;

  push(packet: DemuxPacket): void {
    this.#packets.push(packet);
    this.#bytes += packet.data.length;
    this.#changed.resolve();
  }

  end(why: string): void {
    this.#ended ??= why;
    this.#changed.resolve();
  }

  get ended(): string | undefined {
    return this.#ended;
  }

  /** Resolves when the reader has taken enough. */
  async room(): Promise<void> {
    while (this.#bytes > MAX_WAITING_BYTES) await this.#room.promise;
  }

  /** The packets so far, at least one; none after the end. */
  async take(): Promise<readonly DemuxPacket[]> {
    while (this.#packets.length === 0 && this.#ended === undefined) {
      await this.#changed.promise;
      this.#changed = Promise.withResolvers();
    }
    const taken = this.#packets;
    this.#packets = [];
    this.#bytes = 0;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
    return taken;
  }
}

/**
 * Opens a file.
 *
 * @param options.openMs longest time for the description
 * @throws OxbowError `unsupported-media` if FFmpeg does not know the container; `engine-failed` if the
 *   process ends or takes too long;
 * the signal's reason when aborted
 */
export async function openDemuxer(
  input: StreamInput,
  { openMs, signal }: { readonly openMs: number; readonly signal: AbortSignal },
): Promise<Demuxer> {
  signal.throwIfAborted();
  const waiting = new Waiting();
  const ready = Promise.withResolvers<void>();
  const described = Promise.withResolvers<DemuxInfo>();
  let readFailed: unknown;
  const child = await openChild({
    entry: 'demux-main',
    maxDataBytes: MAX_DATA_BYTES,
    maxCpuS: MAX_CPU_S + input.length / BYTES_PER_CPU_S,
    input: {
      length: input.length,
      async read(offset, count) {
        await waiting.room();
        try {
          return await input.read(offset, count);
        } catch (error) {
          readFailed ??= error;
          throw error;
        }
      },
    },
    onMessage(kind, payload) {
      if (kind === messageKinds.ready) ready.resolve();
      else if (kind === demuxKinds.info) described.resolve(parseJson(payload) as DemuxInfo);
      else if (kind === demuxKinds.packet) waiting.push(parsePacket(payload));
      else if (kind === demuxKinds.end) waiting.end(new TextDecoder().decode(payload));
      if (kind === demuxKinds.end) described.reject(unknown(new TextDecoder().decode(payload)));
    },
  });
  const onAbort = () => child.kill('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  const gone = child.ended.then((why): never => {
    signal.throwIfAborted();
    throw readFailed ?? new OxbowError('engine-failed', `The demuxer ended: ${why}.`);
  });
  let failure: unknown;
  gone.catch((error) => {
    if (waiting.ended === undefined) failure = error;
    waiting.end('');
  });
  described.promise.catch(() => {}); // It may also be rejected after the description.
  const close = async () => {
    signal.removeEventListener('abort', onAbort);
    await child[Symbol.asyncDispose]();
  };
  try {
    await within(child, START_MS, 'starting', Promise.race([ready.promise, gone]));
    child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify({ length: input.length }))));
    const info = await within(child, openMs, 'opening the file', Promise.race([described.promise, gone]));
    return {
      info,
      async *packets(indexes) {
        child.send(printMessage(demuxKinds.select, Buffer.from(JSON.stringify(indexes))));
        for (;;) {
          const packets = await waiting.take();
          if (packets.length === 0) break;
          yield packets;
        }
        const failed = readFailed ?? failure;
        if (failed) throw failed;
        return waiting.ended ?? '';
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function unknown(why: string): OxbowError {
  // What FFmpeg says of a file that it does not recognize ("Invalid data found …") says nothing to its owner.
  const detail = why.startsWith('unknown media format') ? '' : `: ${why}`;
  return new OxbowError('unsupported-media', `This is not a media file that oxbow can read${detail}.`, { cause: why });
}

async function within<T>(child: EngineChild, ms: number, operation: string, event: Promise<T>): Promise<T> {
  const late = setTimeout(() => child.kill(`${operation} took longer than ${ms / 1000} s`), ms);
  try {
    return await event;
  } finally {
    clearTimeout(late);
  }
}
