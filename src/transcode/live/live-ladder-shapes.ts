/**
 * The input of a live ladder, and its reports.
 * In: streams. Out: live-ladder.ts. Types only.
 */

import type { VideoTrack } from '@oxbow/media/frame';
import type { LiveEncoder, LiveEncoderOutput } from '../../ffmpeg/live-ladder.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Sink } from '../../live/sink.ts';
import type { AttachOptions } from '../../live/sink-list.ts';
import type { CutList } from '../../packager/cut-list.ts';
import type { DerivedInput } from '../../packager/follower.ts';
import type { LivePlan, PlannedRung } from './live-plan.ts';

/** Starts a process. */
export type OpenLiveEncoder = (output: LiveEncoderOutput) => Promise<LiveEncoder>;

/** Receives events. */
interface LiveLadderReport {
  /** The encoder of a rung on a device failed: software makes it from the next cut on. */
  encoderFailed(rung: string, why: string): void;
  /** The process has ended or could not be started; it starts again. */
  failed(why: string): void;
  /** A rung was dropped because the encoder was `lagMs` behind; `left` are still made. */
  dropped(rung: string, lagMs: number, left: readonly string[]): void;
  /** A rung that was dropped is made again. */
  raised(rung: string): void;
  /** Frames of the source were not encoded. */
  lost(frames: number): void;
}

/** Dependencies of a ladder. */
export interface LiveLadderOptions {
  readonly open: OpenLiveEncoder;
  readonly clock: Clock;
  readonly sinks: { attach(sink: Sink, options: AttachOptions): Disposable };
  readonly cuts: Pick<CutList, 'subscribe'>;
  /** Opens a derived quality of the stream; undefined if it has too many. */
  readonly input: (rung: string) => DerivedInput | undefined;
  /** The plan for a source, with the encoders on devices that its rungs have now. */
  readonly plan: (track: VideoTrack, options: { readonly interlaced: boolean }) => LivePlan;
  /** Whether a rung is encoded on a device, which may hang. */
  readonly isOnDevice: () => boolean;
  /** It begins with a key frame that begins a segment, not with any. */
  readonly beginsWithSegment?: boolean;
  /** Being so far behind is too far, ms; 1 s by default. */
  readonly lagLimitMs?: number;
  readonly report: LiveLadderReport;
}

type RungState = 'starting' | 'live' | 'dropped';

/** A ladder at an instant. */
export interface LiveLadderFacts {
  /**
   * `off`: not wanted now; `starting`; `waiting`: the stream has no picture that it could encode; `running`;
   * `stopped`: the machine is too slow for every rung.
   */
  readonly state: 'off' | 'starting' | 'waiting' | 'running' | 'stopped';
  /** How far behind the last ten seconds were, 95th percentile; undefined if nothing came out. */
  readonly lagMs: number | undefined;
  readonly rungs: readonly { readonly planned: PlannedRung; readonly state: RungState }[];
  /** Heights that are not made because the source is not larger. */
  readonly leftOut: readonly number[];
}
