/**
 * The contract of alarms, as the HTTP API calls it. Each call refuses with an OxbowError.
 * In: http/routes calls it. Out: features/alarms implements it. Types only.
 */
import type { AlarmCode } from './alarm-rules.ts';
import type { AlarmMute, AlarmMuteSettings, AlarmView, StreamAlarms, StreamHappened } from './alarm-shapes.ts';

/** Which alarms to list. */
export interface AlarmQuery {
  readonly state: 'active' | 'past' | 'all';
  readonly stream?: string | undefined;
  readonly alarm?: AlarmCode | undefined;
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** Alarms of all streams. */
export interface AlarmsApi {
  /** The newest first. */
  list(query: AlarmQuery): Promise<{ readonly items: readonly AlarmView[]; readonly nextCursor: string | null }>;
  /** Notes that a person knows of an alarm. Refuses `alarm-unknown`. */
  acknowledge(id: string, by: string): Promise<AlarmView>;
  /** The rules of a stream. Refuses `stream-unknown`. */
  rules(name: string): StreamAlarms;
  /** Refuses `stream-unknown`, `bad-request`. */
  mute(name: string, settings: AlarmMuteSettings, by: string): Promise<AlarmMute>;
  /** Refuses `stream-unknown`. */
  unmute(name: string): Promise<void>;
  /** What happened in [fromMs, toMs), ms since 1970, with the figures at `atMs`. Refuses `stream-unknown`. */
  happened(
    name: string,
    times: { readonly fromMs: number; readonly toMs: number; readonly atMs: number },
  ): Promise<StreamHappened>;
}
