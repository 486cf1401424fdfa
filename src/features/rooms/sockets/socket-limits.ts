/**
 * Limits of the connections to rooms.
 * In: settings. Out: room-sockets.
 */

/** The limits now. */
export interface RoomSocketLimits {
  readonly connections: number;
  /** Of one person, in all rooms. */
  readonly connectionsPerUser: number;
  /** Multiplies the rates of a connection; 1 except for measurements. */
  readonly messageRate: number;
}

/** The limits without settings. */
export const usualSocketLimits: RoomSocketLimits = { connections: 20_000, connectionsPerUser: 20, messageRate: 1 };
