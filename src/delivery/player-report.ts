/**
 * The report of a player about itself.
 * In: serve/client/cmcd.ts parses it from CMCD. Out: viewers.ts. CTA-5004-B.
 */
import type { PlayerState } from '../api/session-shapes.ts';

/** All that a report says, and who has sent it, for insight. In memory only. */
export interface ReportText {
  /** The list of CMCD as it came. */
  readonly cmcd: string;
  /** IP address of the client. */
  readonly address: string;
  /** ISO 3166-1; undefined: no proxy reports it. */
  readonly country: string | undefined;
  /** Host name by which the client knows this server. */
  readonly host: string;
  /** `DNT: 1` or `Sec-GPC: 1`. */
  readonly isOptedOut: boolean;
}

/** A report; undefined: the player does not say. */
export interface PlayerReport {
  /** Playback has ended: the player is no viewer any more. */
  readonly hasLeft: boolean;
  /** It has left because of a fatal error. */
  readonly hasFailed?: boolean;
  readonly state: PlayerState | undefined;
  /** False: recorded media. */
  readonly isLive: boolean | undefined;
  /** From the moment that is shown to now, ms; hours in the past. */
  readonly latencyMs: number | undefined;
  /** Media ahead of the shown moment, ms. */
  readonly bufferMs: number | undefined;
  /** Of the rendition that plays, kbit/s. */
  readonly bitrateKbps: number | undefined;
  /** Its role, such as `v0-480`. */
  readonly rendition: string | undefined;
  /** Undefined: the player is known by its requests. */
  readonly text?: ReportText;
}
