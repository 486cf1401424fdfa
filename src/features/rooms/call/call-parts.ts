/**
 * The parts of calls, the same for all rooms.
 * In: features/rooms/open. Out: rooms/call. Types, and counters.
 */
import type { CallIceServer, RoomCall } from '../../../api/room/call-shapes.ts';
import type { WebRtcTransport } from '../../../ingest/webrtc/webrtc-transport.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Log } from '../../../observe/log.ts';

/** A call, as statistics see it. */
export interface CountedCall {
  readonly view: RoomCall | null;
  /** Pictures that are not sent because the network of a receiver does not carry them. */
  readonly paused: number;
}

/** Counters of all calls. */
interface CallStats {
  /** Packets that were sent to receivers. */
  forwarded: number;
  /** Packets of participants beyond the rate, late and repeated ones. */
  dropped: number;
  /** Calls with participants. */
  readonly open: Set<CountedCall>;
}

/** Dependencies of a call. */
export interface CallParts {
  /** `rooms.calls`, at this moment. */
  readonly isOn: () => boolean;
  /** There is a port of WebRTC; without it calls of more than four are refused. */
  readonly canForward: () => boolean;
  /** The port of WebRTC. @throws OxbowError `webrtc-off`, `not-ready` */
  readonly transport: () => WebRtcTransport;
  readonly iceServers: () => readonly CallIceServer[];
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: CallStats;
}

/** Counters that begin at 0. */
export function createCallStats(): CallStats {
  return { forwarded: 0, dropped: 0, open: new Set() };
}
