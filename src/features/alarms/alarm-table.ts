/**
 * Alarms and muted streams in the metadata store. Times are whole µs there, ms here. They exist only there:
 * backed up, not rebuilt.
 * In: changes of alarms. Out: rows, pages of rows.
 */
import type { Kysely, Selectable } from 'kysely';
import type { AlarmCode } from '../../api/alarms/alarm-rules.ts';
import type { AlarmQuery } from '../../api/alarms/alarms-api.ts';
import type { Tables } from '../../store/schema.ts';
import type { AlarmTable as AlarmRow } from './tables.ts';

export interface StoredAlarm {
  /** Sorts by the time at which it was raised. */
  readonly id: string;
  readonly streamId: string;
  readonly stream: string;
  readonly code: AlarmCode;
  readonly fromMs: number;
  readonly raisedMs: number;
  readonly clearedMs: number | undefined;
  readonly worst: number | undefined;
  readonly threshold: number | undefined;
  readonly acknowledgedMs: number | undefined;
  readonly acknowledgedBy: string;
}

/** A stream that raises no alarm. */
export interface StoredMute {
  readonly streamId: string;
  readonly untilMs: number;
  readonly by: string;
  readonly reason: string;
}

/** Most alarms of a range that are read at a time. */
const MOST_IN_RANGE = 500;

/** The rows of all streams. */
export class AlarmTable {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Adds an alarm. */
  async add(alarm: StoredAlarm): Promise<void> {
    await this.#db.insertInto('alarm').values(rowOf(alarm)).execute();
  }

  /** Notes the end of an alarm. */
  async clear(id: string, clearedMs: number, worst: number | undefined): Promise<void> {
    const set = { cleared_us: us(clearedMs), ...(worst !== undefined && { value: worst }) };
    await this.#db.updateTable('alarm').set(set).where('id', '=', id).execute();
  }

  /** The active alarms of a stream, oldest first. */
  async openOf(streamId: string): Promise<StoredAlarm[]> {
    const query = this.#db.selectFrom('alarm').selectAll().where('stream_id', '=', streamId);
    return (await query.where('cleared_us', 'is', null).orderBy('id').execute()).map(alarmOf);
  }

  /** Alarms of a stream that were active in [fromMs, toMs), oldest first. */
  async between(streamId: string, fromMs: number, toMs: number): Promise<StoredAlarm[]> {
    const rows = await this.#db
      .selectFrom('alarm')
      .selectAll()
      .where('stream_id', '=', streamId)
      .where('from_us', '<', us(toMs))
      .where((eb) => eb.or([eb('cleared_us', 'is', null), eb('cleared_us', '>=', us(fromMs))]))
      .orderBy('id', 'desc')
      .limit(MOST_IN_RANGE)
      .execute();
    return rows.map(alarmOf).reverse();
  }

  /** A page, the newest first. */
  async page({ state, stream, alarm, limit, cursor }: AlarmQuery): Promise<StoredAlarm[]> {
    let query = this.#db.selectFrom('alarm').selectAll().orderBy('id', 'desc').limit(limit);
    if (state !== 'all') query = query.where('cleared_us', state === 'active' ? 'is' : 'is not', null);
    if (stream !== undefined) query = query.where('stream', '=', stream);
    if (alarm !== undefined) query = query.where('code', '=', alarm);
    if (cursor !== undefined) query = query.where('id', '<', cursor);
    return (await query.execute()).map(alarmOf);
  }

  /** Notes that a person knows of an alarm; the first one stays. Undefined: there is no such alarm. */
  async acknowledge(id: string, atMs: number, by: string): Promise<StoredAlarm | undefined> {
    await this.#db
      .updateTable('alarm')
      .set({ acknowledged_us: us(atMs), acknowledged_by: by })
      .where('id', '=', id)
      .where('acknowledged_us', 'is', null)
      .execute();
    const row = await this.#db.selectFrom('alarm').selectAll().where('id', '=', id).executeTakeFirst();
    return row && alarmOf(row);
  }

  /** Deletes alarms that were cleared before an instant. */
  async removeBefore(atMs: number): Promise<void> {
    await this.#db.deleteFrom('alarm').where('cleared_us', '<', us(atMs)).execute();
  }

  /** How a stream is muted; undefined if it is not. */
  async muteOf(streamId: string): Promise<StoredMute | undefined> {
    const row = await this.#db
      .selectFrom('alarm_mute')
      .selectAll()
      .where('stream_id', '=', streamId)
      .executeTakeFirst();
    return row && { streamId, untilMs: row.until_us / 1000, by: row.muted_by, reason: row.reason };
  }

  /** Mutes a stream. */
  async mute({ streamId, untilMs, by, reason }: StoredMute): Promise<void> {
    const values = { until_us: us(untilMs), muted_by: by, reason };
    await this.#db
      .insertInto('alarm_mute')
      .values({ stream_id: streamId, ...values })
      .onConflict((conflict) => conflict.column('stream_id').doUpdateSet(values))
      .execute();
  }

  /** Ends that. */
  async unmute(streamId: string): Promise<void> {
    await this.#db.deleteFrom('alarm_mute').where('stream_id', '=', streamId).execute();
  }
}

const us = (ms: number) => Math.round(ms * 1000);

function rowOf(alarm: StoredAlarm): AlarmRow {
  return {
    id: alarm.id,
    stream_id: alarm.streamId,
    stream: alarm.stream,
    code: alarm.code,
    from_us: us(alarm.fromMs),
    raised_us: us(alarm.raisedMs),
    cleared_us: null,
    value: alarm.worst ?? null,
    threshold: alarm.threshold ?? null,
    acknowledged_us: null,
    acknowledged_by: '',
  };
}

function alarmOf(row: Selectable<AlarmRow>): StoredAlarm {
  const ms = (value: number | null) => (value === null ? undefined : value / 1000);
  return {
    id: row.id,
    streamId: row.stream_id,
    stream: row.stream,
    code: row.code as AlarmCode,
    fromMs: row.from_us / 1000,
    raisedMs: row.raised_us / 1000,
    clearedMs: ms(row.cleared_us),
    worst: row.value ?? undefined,
    threshold: row.threshold ?? undefined,
    acknowledgedMs: ms(row.acknowledged_us),
    acknowledgedBy: row.acknowledged_by,
  };
}
