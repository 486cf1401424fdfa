/**
 * Connects to relay targets of every protocol.
 * In: targets. Out: connections.
 */
import type { ConnectRelay } from './connection.ts';
import { connectRtmpRelay } from './rtmp-connection.ts';

/** Chooses the protocol of a target. */
export const connectRelay: ConnectRelay = (request) => connectRtmpRelay(request);
