/**
 * Connects to relay targets of every protocol.
 * In: targets. Out: connections.
 */
import type { ConnectRelay } from './connection.ts';
import { connectRtmpRelay } from './rtmp-connection.ts';
import { connectSrtRelay } from './srt-connection.ts';
import { connectWhipRelay, type WhipParts } from './whip-connection.ts';

/** Returns what connects with the protocol of the target. */
export function createConnectRelay(parts: WhipParts): ConnectRelay {
  return (request) => {
    switch (request.target.protocol) {
      case 'srt':
        return connectSrtRelay(request, parts.clock);
      case 'whip':
        return connectWhipRelay(request, parts);
      default:
        return connectRtmpRelay(request);
    }
  };
}
