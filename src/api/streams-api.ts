/**
 * The contract of the streams, as the HTTP API calls it. Names are valid and times checked; each call refuses
 * with an OxbowError.
 * In: http/routes calls it. Out: streams/ implements it, the tests of http/ stand in for it. Types only.
 */
import type { WatchAccessView, WatchRuleLists } from './access/watch-rules-shapes.ts';
import type { LocalDays } from './local-days.ts';
import type { ActivityView } from './measure/activity.ts';
import type { RecordedDays } from './measure/recorded-days.ts';
import type { StatsHistory, StreamStats } from './measure/stats-shapes.ts';
import type { MarkedRules } from './past/past-rules.ts';
import type { GapView, SourceSettings, StreamPatch, StreamSettings, StreamView, TimelineView } from './shapes.ts';

/**
 * Throws if a change may not be made: called in the change's turn with the revision that is there, undefined
 * for no stream.
 */
export type Precondition = (revision: string | undefined) => void;

/** Figures of streams; each call refuses `stream-unknown`. */
export interface StatsApi {
  stats(name: string): StreamStats;
  /**
   * The figures of [fromMs, toMs), ms since 1970.
   *
   * @param resS wanted length of a step, seconds; 0: by the length of the range
   */
  statsHistory(name: string, fromMs: number, toMs: number, resS: number): Promise<StatsHistory>;
  /** The bitrate and the change of the picture in [fromMs, toMs), for the timeline; as `statsHistory`. */
  activity(name: string, fromMs: number, toMs: number, resS: number): Promise<ActivityView>;
}

/** The streams of this server. */
export interface StreamsApi extends StatsApi {
  /** All streams, also private ones, in the order of the list. */
  list(): Promise<readonly StreamView[]>;
  get(name: string): Promise<StreamView | undefined>;
  /** Refuses `stream-exists`, `managed-elsewhere`, `bad-setting`, `address-refused`. */
  create(name: string, settings: StreamSettings): Promise<StreamView>;
  /**
   * Replaces or creates. Refuses `managed-elsewhere`, `bad-setting`, `address-refused`, and what `check`
   * throws.
   */
  replace(
    name: string,
    settings: StreamSettings,
    check?: Precondition,
  ): Promise<{ readonly view: StreamView; readonly created: boolean }>;
  /** The settings of the stream's source. Refuses `stream-unknown`. */
  sourceSettings(name: string): SourceSettings;
  /**
   * Changes the named fields; the source continues. Refuses `stream-unknown`, `managed-elsewhere`, and
   * what `check` throws.
   */
  update(name: string, patch: StreamPatch, check?: Precondition): Promise<StreamView>;
  /** Refuses `stream-unknown`, `managed-elsewhere`, and what `check` throws. */
  remove(
    name: string,
    options: { readonly recordings: 'keep' | 'delete'; readonly check?: Precondition | undefined },
  ): Promise<void>;
  /** The revision of its settings, for ETag; undefined if there is no such stream. */
  revision(name: string): string | undefined;
  /** Resolves when the request is accepted, not when it is completed. Each refuses `stream-unknown`. */
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /**
   * The timeline of [fromMs, toMs), ms since 1970, up to now; refuses `stream-unknown`.
   *
   * @param resS shorter spans may be merged, seconds; 0: nothing is merged unless the timeline has too many
   *   spans
   */
  timeline(name: string, fromMs: number, toMs: number, resS?: number): Promise<TimelineView>;
  /** What is recorded of each day; refuses `stream-unknown`. */
  days(name: string, days: LocalDays): Promise<RecordedDays>;
  /** The gaps of [fromMs, toMs), oldest first. */
  gaps(name: string, fromMs: number, toMs: number): Promise<readonly GapView[]>;
  /**
   * Whether playback needs permission (`signed`, `private`). Called for every media request: answers from
   * memory.
   */
  isPrivate(name: string): boolean;
  /**
   * The rules by network and country of a stream; undefined if there are none, or no stream. The same object
   * until they change. Called for every media request: answers from memory.
   */
  watchRulesOf(name: string): WatchRuleLists | undefined;
  /**
   * The rules of a stream, and what they decide about a client. Refuses `stream-unknown`, and `bad-request`
   * for an invalid address or country.
   *
   * @param client undefined: only the rules
   */
  watchAccess(
    name: string,
    client: { readonly address: string; readonly country?: string } | undefined,
  ): WatchAccessView;
  /**
   * The broadcaster's rules for the past of a stream, with its start mark; undefined if there are none, or no
   * stream. The same object until they change. Called for every media request: answers from memory.
   */
  pastRulesOf(name: string): MarkedRules | undefined;
  /**
   * Sets the start mark: viewers see nothing from before it, where the rules say so. Refuses
   * `stream-unknown`.
   *
   * @param atMs ms since 1970; undefined: removes it
   */
  setStartMark(name: string, atMs: number | undefined): Promise<StreamView>;
  /** Who may watch a stream; undefined for an unknown one. */
  visibilityOf(name: string): StreamView['visibility'] | undefined;
  /** Whether `public` was configured; false if it is the default. Answers from memory. */
  isMadePublic(name: string): boolean;
}
