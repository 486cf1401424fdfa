/**
 * Opens an SRT connection as caller.
 * In: an address and the options of the stream. Out: a connection.
 * draft-sharabayko-srt-01 4.3.1.
 */
import { microseconds, openUdp } from '../udp.ts';
import { CallerProtocol } from './handshake/caller.ts';
import type { SrtCallerOptions, SrtConnection } from './srt.ts';

/**
 * Connects to a listener. Set `onData` at once: payloads that arrive before are dropped.
 *
 * @throws SrtRejectedError if the peer rejects; Error after `connectMs` without an answer; RangeError for a
 *   stream id that is too
 * long; the signal's reason on abort
 */
export async function connectSrt(options: SrtCallerOptions): Promise<SrtConnection> {
  const { signal, address, port } = options;
  signal.throwIfAborted();
  const protocol = new CallerProtocol(options, {
    now: microseconds,
    transmit: (packet) => socket.transmit(packet),
    onClosed: () => {
      signal.removeEventListener('abort', onAbort);
      void socket.close();
    },
    onError: () => {}, // `closed` resolves with the reason.
  });
  const onAbort = () => {
    protocol.fail(signal.reason);
    connection?.close();
  };
  let connection: SrtConnection | undefined;
  const socket = await openUdp(
    undefined,
    { address, port },
    {
      receive: (packet) => protocol.receive(packet),
      tick: () => {
        protocol.tick();
        return true;
      },
      onError: (error) => protocol.note(describe(error)),
    },
  );
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    connection = await protocol.opened;
    return connection;
  } catch (error) {
    signal.removeEventListener('abort', onAbort);
    await socket.close();
    throw error;
  }
}

function describe(error: Error): string {
  return 'code' in error && error.code === 'ECONNREFUSED' ? 'the port is closed' : error.message;
}
