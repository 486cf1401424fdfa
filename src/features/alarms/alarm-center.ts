/**
 * The alarms of all streams: evaluated once a second, stored, published, sent by e-mail.
 * In: the streams of this process. Out: `alarm.raised` and `alarm.cleared`, rows, messages, metrics. Nothing
 * waits for the database: a change is published although its row cannot be written, which is counted.
 */
import { randomBytes } from 'node:crypto';
import { type AlarmCode, type AlarmRules, alarmRulesOf, alarmTable } from '../../api/alarms/alarm-rules.ts';
import type { AlarmData } from '../../api/alarms/alarm-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Config } from '../../config/schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { AlarmMailer } from './alarm-mail.ts';
import type { AlarmTable, StoredAlarm, StoredMute } from './alarm-table.ts';
import type { ReadStream } from './readings.ts';
import { type StreamAlarmChange, StreamAlarmSet } from './stream-alarms.ts';

/** Most writes that wait for the database. */
const MAX_WRITES = 1_000;

/** A stream as the alarms see it. */
export type WatchedStream = ReadStream & Pick<ManagedStream, 'name'>;

/** Dependencies of the center. */
interface AlarmCenterOptions {
  readonly clock: Clock;
  readonly settings: Current<Pick<Config, 'alarms'>>;
  readonly table: AlarmTable;
  readonly events: Pick<EventBus, 'publish'>;
  /** Undefined: there is no mail server. */
  readonly mailer: Pick<AlarmMailer, 'add'> | undefined;
  readonly metrics: Pick<Metrics, 'alarmActive' | 'alarmsRaised' | 'alarmsLost'>;
  /** Whether recording is paused. */
  readonly noRoom: () => boolean;
  /** How far the second place of a recording is behind, seconds; undefined: it has none. */
  readonly mirrorBehindS?: (streamId: string) => number | undefined;
  readonly failed: (error: unknown) => void;
}

interface Entry {
  readonly streamId: string;
  name: string;
  /** Undefined while the state of an earlier process is being read. */
  set: StreamAlarmSet | undefined;
  readonly open: Map<AlarmCode, StoredAlarm>;
  rules: { readonly common: string; readonly ofStream: string; readonly rules: AlarmRules } | undefined;
}

/** One for all streams of the process. */
export class AlarmCenter {
  readonly #options: AlarmCenterOptions;
  readonly #entries = new Map<string, Entry>();
  /** By stream; undefined: it is not muted. */
  readonly #mutes = new Map<string, StoredMute | undefined>();
  /** Reads in progress; none rejects. */
  readonly #restoring = new Set<Promise<void>>();
  #writing: Promise<void> = Promise.resolve();
  #writes = 0;

  constructor(options: AlarmCenterOptions) {
    this.#options = options;
  }

  /**
   * Evaluates all streams; called once a second. A stream that is not among them any more was removed, or is
   * of another node.
   */
  tick(streams: readonly WatchedStream[]): void {
    const ids = new Set<string>();
    for (const stream of streams) {
      const entry = this.#entryOf(stream);
      ids.add(entry.streamId);
      if (entry.set) this.#evaluate(stream, entry, entry.set);
    }
    for (const id of this.#entries.keys()) {
      if (ids.has(id)) continue;
      this.#entries.delete(id);
      this.#mutes.delete(id);
    }
  }

  /** The rules of a stream as they are in force. */
  rulesOf(definition: { readonly alarms?: string | undefined }): AlarmRules {
    return alarmRulesOf(this.#options.settings.now.alarms.rules, definition.alarms ?? '');
  }

  /** The active alarms of a stream. */
  activeOf(streamId: string): readonly AlarmCode[] {
    return this.#entries.get(streamId)?.set?.active ?? [];
  }

  /** How a stream is muted; undefined if it is not. */
  muteOf(streamId: string): StoredMute | undefined {
    const mute = this.#mutes.get(streamId);
    return mute && mute.untilMs > this.#options.clock.nowMs() ? mute : undefined;
  }

  /** Mutes a stream. */
  async mute(mute: StoredMute): Promise<void> {
    await this.#options.table.mute(mute);
    this.#mutes.set(mute.streamId, mute);
  }

  /** Ends that. */
  async unmute(streamId: string): Promise<void> {
    await this.#options.table.unmute(streamId);
    this.#mutes.set(streamId, undefined);
  }

  /** Resolves when what earlier processes have left is read, and all changes so far are written, or lost. */
  async flush(): Promise<void> {
    await Promise.all(this.#restoring);
    await this.#writing;
  }

  #entryOf({ name, definition: { id: streamId } }: WatchedStream): Entry {
    const knownEntry = this.#entries.get(streamId);
    if (knownEntry) {
      knownEntry.name = name;
      return knownEntry;
    }
    const entry: Entry = { streamId, name, set: undefined, open: new Map(), rules: undefined };
    this.#entries.set(streamId, entry);
    const restoring = this.#restore(entry).finally(() => this.#restoring.delete(restoring));
    this.#restoring.add(restoring);
    return entry;
  }

  /**
   * Continues the state of an earlier process or another node. Without the database the stream begins
   * without alarms.
   */
  async #restore(entry: Entry): Promise<void> {
    const { table, metrics, failed } = this.#options;
    try {
      for (const alarm of await table.openOf(entry.streamId)) {
        if (!Object.hasOwn(alarmTable, alarm.code)) continue;
        entry.open.set(alarm.code, alarm);
        metrics.alarmActive.set({ stream: entry.name, alarm: alarm.code }, 1);
      }
      const mute = await table.muteOf(entry.streamId);
      if (!this.#mutes.has(entry.streamId)) this.#mutes.set(entry.streamId, mute);
    } catch (error) {
      failed(error);
    }
    entry.set = new StreamAlarmSet([...entry.open.values()]);
  }

  #evaluate(stream: WatchedStream, entry: Entry, set: StreamAlarmSet): void {
    const { clock, noRoom, mirrorBehindS, settings } = this.#options;
    const [common, ofStream] = [settings.now.alarms.rules, stream.definition.alarms ?? ''];
    if (entry.rules?.common !== common || entry.rules.ofStream !== ofStream) {
      entry.rules = { common, ofStream, rules: this.rulesOf(stream.definition) };
    }
    const changes = set.tick(stream, {
      monotonicMs: clock.monotonicMs(),
      nowMs: clock.nowMs(),
      rules: entry.rules.rules,
      isMuted: this.muteOf(entry.streamId) !== undefined,
      noRoom: noRoom(),
      mirrorBehindS: mirrorBehindS?.(entry.streamId),
    });
    for (const change of changes) this.#change(stream, entry, change);
  }

  #change(stream: WatchedStream, entry: Entry, { code, to, sinceMs, worst, threshold }: StreamAlarmChange): void {
    const { clock, table, metrics } = this.#options;
    const labels = { stream: entry.name, alarm: code };
    const nowMs = clock.nowMs();
    metrics.alarmActive.set(labels, to === 'raised' ? 1 : 0);
    if (to === 'raised') {
      metrics.alarmsRaised.inc(labels);
      const alarm: StoredAlarm = {
        id: alarmId(nowMs),
        streamId: entry.streamId,
        stream: entry.name,
        code,
        fromMs: Math.min(sinceMs, nowMs),
        raisedMs: nowMs,
        clearedMs: undefined,
        worst,
        threshold,
        acknowledgedMs: undefined,
        acknowledgedBy: '',
      };
      entry.open.set(code, alarm);
      this.#write(() => table.add(alarm));
      this.#report(stream, 'alarm.raised', alarm);
      return;
    }
    const before = entry.open.get(code);
    entry.open.delete(code);
    if (!before) return;
    const clearedMs = Math.max(before.fromMs, Math.min(sinceMs, nowMs));
    this.#write(() => table.clear(before.id, clearedMs, worst));
    this.#report(stream, 'alarm.cleared', { ...before, clearedMs, worst: worst ?? before.worst });
  }

  #report({ definition }: WatchedStream, type: 'alarm.raised' | 'alarm.cleared', alarm: StoredAlarm): void {
    this.#options.events.publish(type, alarmData(alarm), definition);
    this.#options.mailer?.add(alarm);
  }

  #write(write: () => Promise<void>): void {
    const { failed, metrics } = this.#options;
    if (this.#writes >= MAX_WRITES) {
      metrics.alarmsLost.inc({ what: 'alarm' });
      return;
    }
    this.#writes++;
    this.#writing = this.#writing.then(async () => {
      try {
        await write();
      } catch (error) {
        metrics.alarmsLost.inc({ what: 'alarm' });
        failed(error);
      } finally {
        this.#writes--;
      }
    });
  }
}

/** Sorts by time, also among those of other nodes. */
function alarmId(nowMs: number): string {
  return `${Math.floor(nowMs).toString(36).padStart(9, '0')}-${randomBytes(6).toString('hex')}`;
}

function alarmData({ id, code, fromMs, clearedMs, worst, threshold }: StoredAlarm): AlarmData {
  const { severity, sentence } = alarmTable[code];
  return {
    id,
    alarm: code,
    severity,
    from: printRfc3339(fromMs),
    to: clearedMs === undefined ? null : printRfc3339(clearedMs),
    value: worst ?? null,
    threshold: threshold ?? null,
    detail: sentence,
  };
}
