/**
 * Connects to relay targets of every protocol.
 * In: targets. Out: connections.
 */
import type { ConnectRelay } from './connection.ts';
import { connectRtmpRelay } from './rtmp-connection.ts';
import { connectSrtRelay } from './srt-connection.ts';

/** Connects with the protocol of the target. */
export const connectRelay: ConnectRelay = (request) =>
  request.target.protocol === 'srt' ? connectSrtRelay(request) : connectRtmpRelay(request);
