/**
 * Calls in rooms: who talks, who shows a camera or a screen, and how their media travels.
 * In: nothing. Out: shapes of room messages; rooms, the interface. Pure. docs/7-together/calls.md.
 */

/** Most people in a call. */
export const MAX_CALL = 16;
/** Most cameras and screens in a call, together. */
export const MAX_CALL_PICTURES = 8;
/** Most people whose browsers connect to each other directly; in a larger call the server forwards. */
export const MAX_MESH = 4;
/** Longest offer or candidate that is passed from one browser to another, characters. */
export const MAX_CALL_SIGNAL = 12 * 1024;

/** The media that a participant sends. */
export interface CallMedia {
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
}

/** One participant: a connection to the room, so that a person may take part in two tabs. */
export interface CallParticipant extends CallMedia {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  /** The browser of this participant records the call as a stream; absent: it does not. */
  readonly recording?: true;
}

/** A source of media of a participant. */
export type CallSource = keyof CallMedia;

export interface RoomCall {
  /**
   * `mesh`: browsers connect to each other. `forwarded`: each connects to the server. A call never returns to
   * `mesh`.
   */
  readonly mode: 'mesh' | 'forwarded';
  /** By the time at which they joined: the later one of two makes the offer of a mesh connection. */
  readonly participants: readonly CallParticipant[];
}

/** Which source the server sends on a media description of the answer; `mid` is its name. */
export interface CallSlot {
  readonly mid: string;
  readonly participant: string;
  readonly source: CallSource;
}

/** A server for STUN or TURN, as RTCIceServer. */
export interface CallIceServer {
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}
