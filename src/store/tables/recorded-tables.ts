/**
 * Sums over the index of chunk files, for calendars and lists: by quarter of an hour, by day of UTC, and of
 * each recording. Sums over the objects of each target. Triggers of the database change them in the statement
 * that changes a row (docs/decisions/0101).
 * In: the tables `chunk_file` and `stored_object`. Out: types for ../schema.ts, SQL for ../migrations.ts and
 * ../postgres/statements.ts.
 */

import { DAY_QUARTERS, DROP_POSTGRES_TRIGGERS, POSTGRES_TRIGGERS, QUARTER_US } from './recorded-triggers.ts';

export { DAY_QUARTERS, QUARTER_US };

/** Sums over some files. Only triggers write them. */
interface RecordedSums {
  /** Rows of the index: a file of which the middle was erased has two. */
  readonly files: number;
  readonly segments: number;
  readonly bytes: number;
  /** From the starts of the files to their ends, without those that are lost. */
  readonly media_us: number;
  /** Files with gaps before or within them. */
  readonly incomplete: number;
  /** Start of the oldest file, µs since 1970. */
  readonly first_us: number;
  /** The latest end of the files of the newest quarter of an hour, µs since 1970. */
  readonly last_us: number;
}

/** The files of a recording that start in a quarter of an hour; no row without files. */
export interface RecordedQuarterTable extends RecordedSums {
  /** Id of a recording: of a stream, or of one of its qualities. */
  readonly stream_id: string;
  /** Number of the quarter since 1970. */
  readonly quarter: number;
}

/** The files of a recording that start on a day of UTC; no row without files. */
export interface RecordedDayTable extends RecordedSums {
  readonly stream_id: string;
  /** Number of the day since 1970. */
  readonly day: number;
}

/** All files of a recording; no row without files. */
export interface RecordedTotalTable extends RecordedSums {
  readonly stream_id: string;
}

/** The objects of a target; no row without objects. Only triggers write it. */
export interface StoredTotalTable {
  /** Name of the target in the settings. */
  readonly target: string;
  readonly objects: number;
  readonly bytes: number;
}

const COLUMNS = 'files, segments, bytes, media_us, incomplete, first_us, last_us';
const COLUMN_TYPES = COLUMNS.replaceAll(/\w+/g, '$& INTEGER NOT NULL');

/** The quarters as all rows of the index make them. */
const QUARTERS = `SELECT stream_id, start_us / ${QUARTER_US}, count(*), sum(segment_count), sum(size),
       sum(CASE WHEN segment_count = 0 THEN 0 ELSE end_us - start_us END), sum(incomplete), min(start_us), max(end_us)
     FROM chunk_file GROUP BY stream_id, start_us / ${QUARTER_US}`;

/** Sums of sums, by some keys; the last time is that of the newest row. */
const sumsOf = (table: string, unit: string, keys: readonly string[]) => {
  const sums = ['files', 'segments', 'bytes', 'media_us', 'incomplete'];
  const named = keys.map((key, i) => `${key} AS key_${i}`).join(', ');
  return `SELECT ${keys.map((_, i) => (i === 0 ? 'key_0 AS stream_id' : `key_${i}`)).join(', ')}, ${sums.join(', ')}, first_us,
       (SELECT newest.last_us FROM ${table} newest WHERE newest.stream_id = key_0 AND newest.${unit} = newest_${unit})
     FROM (SELECT ${named}, ${sums.map((sum) => `sum(${sum}) AS ${sum}`).join(', ')}, min(first_us) AS first_us,
         max(${unit}) AS newest_${unit}
       FROM ${table} GROUP BY ${keys.join(', ')}) grouped`;
};
/** The days as all quarters make them, and the totals as all days do. */
const DAYS = sumsOf('recorded_quarter', 'quarter', ['stream_id', `quarter / ${DAY_QUARTERS}`]);
const TOTALS = sumsOf('recorded_day', 'day', ['stream_id']);
const FILL_QUARTERS = `INSERT INTO recorded_quarter (stream_id, quarter, ${COLUMNS})
     ${QUARTERS}`;
const FILL_DAYS = `INSERT INTO recorded_day (stream_id, day, ${COLUMNS})
     ${DAYS}`;
const FILL_TOTALS = `INSERT INTO recorded_total (stream_id, ${COLUMNS})
     ${TOTALS}`;

const NEW_VALUES = `1, NEW.segment_count, NEW.size,
       CASE WHEN NEW.segment_count = 0 THEN 0 ELSE NEW.end_us - NEW.start_us END, NEW.incomplete, NEW.start_us, NEW.end_us`;

const ADD = (table: string) => `files = ${table}.files + 1,
       segments = ${table}.segments + excluded.segments,
       bytes = ${table}.bytes + excluded.bytes,
       media_us = ${table}.media_us + excluded.media_us,
       incomplete = ${table}.incomplete + excluded.incomplete`;

const SUBTRACT = `files = files - 1,
       segments = segments - OLD.segment_count,
       bytes = bytes - OLD.size,
       media_us = media_us - CASE WHEN OLD.segment_count = 0 THEN 0 ELSE OLD.end_us - OLD.start_us END,
       incomplete = incomplete - OLD.incomplete`;

const quarterOf = (row: string) => `${row}.start_us / ${QUARTER_US}`;
const dayOf = (row: string) => `${row}.start_us / ${QUARTER_US * DAY_QUARTERS}`;

/** Files of the quarter of the row that is updated. */
const OTHERS = `FROM chunk_file WHERE chunk_file.stream_id = OLD.stream_id
         AND start_us >= quarter * ${QUARTER_US} AND start_us < (quarter + 1) * ${QUARTER_US}`;

/** The times of a day are those of its first and its last quarter, and those of the total of its days. */
const spansOf = (row: string) => {
  const quarters = `FROM recorded_quarter q WHERE q.stream_id = ${row}.stream_id
         AND q.quarter >= day * ${DAY_QUARTERS} AND q.quarter < (day + 1) * ${DAY_QUARTERS} ORDER BY q.quarter`;
  const days = `FROM recorded_day d WHERE d.stream_id = ${row}.stream_id ORDER BY d.day`;
  return `UPDATE recorded_day SET first_us = (SELECT q.first_us ${quarters} LIMIT 1),
       last_us = (SELECT q.last_us ${quarters} DESC LIMIT 1)
     WHERE stream_id = ${row}.stream_id AND day = ${dayOf(row)};
   UPDATE recorded_total SET first_us = (SELECT d.first_us ${days} LIMIT 1),
       last_us = (SELECT d.last_us ${days} DESC LIMIT 1)
     WHERE stream_id = ${row}.stream_id;`;
};

/** After a row is there. */
const ADDED = `INSERT INTO recorded_total (stream_id, ${COLUMNS})
     VALUES (NEW.stream_id, ${NEW_VALUES})
     ON CONFLICT (stream_id) DO UPDATE SET ${ADD('recorded_total')};
   INSERT INTO recorded_day (stream_id, day, ${COLUMNS})
     VALUES (NEW.stream_id, ${dayOf('NEW')}, ${NEW_VALUES})
     ON CONFLICT (stream_id, day) DO UPDATE SET ${ADD('recorded_day')};
   INSERT INTO recorded_quarter (stream_id, quarter, ${COLUMNS})
     VALUES (NEW.stream_id, ${quarterOf('NEW')}, ${NEW_VALUES})
     ON CONFLICT (stream_id, quarter) DO UPDATE SET ${ADD('recorded_quarter')},
       first_us = CASE WHEN excluded.first_us < recorded_quarter.first_us THEN excluded.first_us
         ELSE recorded_quarter.first_us END,
       last_us = CASE WHEN excluded.last_us > recorded_quarter.last_us THEN excluded.last_us
         ELSE recorded_quarter.last_us END;
   ${spansOf('NEW')}`;

/** After a row is gone. */
const REMOVED = `UPDATE recorded_total SET ${SUBTRACT}
     WHERE stream_id = OLD.stream_id;
   UPDATE recorded_day SET ${SUBTRACT}
     WHERE stream_id = OLD.stream_id AND day = ${dayOf('OLD')};
   UPDATE recorded_quarter SET ${SUBTRACT},
       first_us = coalesce((SELECT min(start_us) ${OTHERS}), first_us),
       last_us = coalesce((SELECT max(end_us) ${OTHERS}), last_us)
     WHERE stream_id = OLD.stream_id AND quarter = ${quarterOf('OLD')};
   DELETE FROM recorded_quarter WHERE stream_id = OLD.stream_id AND quarter = ${quarterOf('OLD')} AND files = 0;
   DELETE FROM recorded_day WHERE stream_id = OLD.stream_id AND day = ${dayOf('OLD')} AND files = 0;
   DELETE FROM recorded_total WHERE stream_id = OLD.stream_id AND files = 0;
   ${spansOf('OLD')}`;

/** The total of each target as all objects make it. */
const TARGETS = 'SELECT target, count(*), sum(size) FROM stored_object GROUP BY target';
const FILL_TARGETS = `INSERT INTO stored_total (target, objects, bytes)
     ${TARGETS}`;
const STORED = `INSERT INTO stored_total (target, objects, bytes) VALUES (NEW.target, 1, NEW.size)
     ON CONFLICT (target) DO UPDATE SET objects = stored_total.objects + 1, bytes = stored_total.bytes + excluded.bytes;`;
const DELETED = `UPDATE stored_total SET objects = objects - 1, bytes = bytes - OLD.size WHERE target = OLD.target;
   DELETE FROM stored_total WHERE target = OLD.target AND objects = 0;`;

/** What the sums depend on: a row that is written again often differs in none of it. */
const CHANGED = ['stream_id', 'start_us', 'end_us', 'size', 'segment_count', 'incomplete']
  .map((column) => `OLD.${column} <> NEW.${column}`)
  .join(' OR ');

const OBJECT_CHANGED = 'OLD.target <> NEW.target OR OLD.size <> NEW.size';

const SQLITE_TRIGGERS = `CREATE TRIGGER recorded_added AFTER INSERT ON chunk_file BEGIN
   ${ADDED}
   END;
   CREATE TRIGGER recorded_removed AFTER DELETE ON chunk_file BEGIN
   ${REMOVED}
   END;
   CREATE TRIGGER recorded_changed AFTER UPDATE ON chunk_file WHEN ${CHANGED} BEGIN
   ${REMOVED}
   ${ADDED}
   END;
   CREATE TRIGGER stored_added AFTER INSERT ON stored_object BEGIN
   ${STORED}
   END;
   CREATE TRIGGER stored_removed AFTER DELETE ON stored_object BEGIN
   ${DELETED}
   END;
   CREATE TRIGGER stored_changed AFTER UPDATE ON stored_object WHEN ${OBJECT_CHANGED} BEGIN
   ${DELETED}
   ${STORED}
   END;`;

const DROP_SQLITE_TRIGGERS = `DROP TRIGGER recorded_added;
   DROP TRIGGER recorded_removed;
   DROP TRIGGER recorded_changed;
   DROP TRIGGER stored_added;
   DROP TRIGGER stored_removed;
   DROP TRIGGER stored_changed;`;

/** The tables, filled, and what keeps them. */
export const recordedMigration = {
  up: `CREATE TABLE recorded_quarter (
     stream_id TEXT NOT NULL,
     quarter INTEGER NOT NULL,
     ${COLUMN_TYPES},
     PRIMARY KEY (stream_id, quarter)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE recorded_day (
     stream_id TEXT NOT NULL,
     day INTEGER NOT NULL,
     ${COLUMN_TYPES},
     PRIMARY KEY (stream_id, day)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE recorded_total (
     stream_id TEXT PRIMARY KEY,
     ${COLUMN_TYPES}
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE stored_total (
     target TEXT PRIMARY KEY,
     objects INTEGER NOT NULL,
     bytes INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   ${FILL_QUARTERS};
   ${FILL_DAYS};
   ${FILL_TOTALS};
   ${FILL_TARGETS};
   ${SQLITE_TRIGGERS}`,
  down: `${DROP_SQLITE_TRIGGERS}
   DROP TABLE recorded_quarter;
   DROP TABLE recorded_day;
   DROP TABLE recorded_total;
   DROP TABLE stored_total;`,
};

/** Sums up all rows again, in a transaction. */
export const recountStatements: readonly string[] = [
  'DELETE FROM recorded_quarter',
  'DELETE FROM recorded_day',
  'DELETE FROM recorded_total',
  FILL_QUARTERS,
  FILL_DAYS,
  FILL_TOTALS,
  'DELETE FROM stored_total',
  FILL_TARGETS,
];

const STORED_QUARTERS = `SELECT stream_id, quarter, ${COLUMNS} FROM recorded_quarter`;
const STORED_DAYS = `SELECT stream_id, day, ${COLUMNS} FROM recorded_day`;
const STORED_TOTALS = `SELECT stream_id, ${COLUMNS} FROM recorded_total`;
const STORED_TARGETS = 'SELECT target, objects, bytes FROM stored_total';
const without = (rows: string, others: string, name = 'stream_id') =>
  `SELECT ${name} AS name FROM (SELECT * FROM (${rows}) those EXCEPT SELECT * FROM (${others}) others) differing`;

/** Reads the names of recordings and of targets whose sums are not those of their rows. */
export const differingSums: string = [
  without(QUARTERS, STORED_QUARTERS),
  without(STORED_QUARTERS, QUARTERS),
  without(DAYS, STORED_DAYS),
  without(STORED_DAYS, DAYS),
  without(TOTALS, STORED_TOTALS),
  without(STORED_TOTALS, TOTALS),
  without(TARGETS, STORED_TARGETS, 'target'),
  without(STORED_TARGETS, TARGETS, 'target'),
].join(' UNION ');

/** The triggers in the SQL of SQLite, and in that of PostgreSQL. */
export const recordedTriggers: readonly (readonly [sqlite: string, postgres: string])[] = [
  [SQLITE_TRIGGERS, POSTGRES_TRIGGERS],
  [DROP_SQLITE_TRIGGERS, DROP_POSTGRES_TRIGGERS],
];
