/**
 * The triggers of PostgreSQL that keep the sums of recordings and targets: one call for each statement, with
 * all of its rows. Called for each row they would write the total of a recording a thousand times where a
 * thousand files are deleted, and PostgreSQL keeps each version until the end of the transaction.
 * In: rows that a statement added (`added`) and removed (`removed`). Out: SQL for recorded-tables.ts.
 */

/** Length of a quarter of an hour, µs: days begin on one in every time zone of the present. */
export const QUARTER_US = 900_000_000;
/** Quarters of an hour of a day of UTC. */
export const DAY_QUARTERS = 96;

const DAY_US = QUARTER_US * DAY_QUARTERS;
const SUMS = ['files', 'segments', 'bytes', 'media_us', 'incomplete'];

/** A table of sums, and the column that says of which files of a recording. */
interface Level {
  readonly table: string;
  /** Its name and its value; undefined for all files. */
  readonly unit: readonly [name: string, value: string] | undefined;
}

/** The total comes first: its lock keeps the writers of a recording in order. */
const LEVELS: readonly Level[] = [
  { table: 'recorded_total', unit: undefined },
  { table: 'recorded_day', unit: ['day', `start_us / ${DAY_US}`] },
  { table: 'recorded_quarter', unit: ['quarter', `start_us / ${QUARTER_US}`] },
];

const keysOf = ({ unit }: Level) => (unit ? `stream_id, ${unit[0]}` : 'stream_id');

/** The sums of the rows of a statement. */
const grouped = (
  rows: 'added' | 'removed',
  { unit }: Level,
) => `SELECT stream_id${unit ? `, ${unit[1]} AS ${unit[0]}` : ''},
       count(*) AS files, sum(segment_count) AS segments, sum(size) AS bytes,
       sum(CASE WHEN segment_count = 0 THEN 0 ELSE end_us - start_us END) AS media_us, sum(incomplete) AS incomplete,
       min(start_us) AS first_us, max(end_us) AS last_us
     FROM ${rows} GROUP BY ${unit ? 'stream_id, 2' : 'stream_id'}`;

const isOf = (level: Level, name: string) =>
  `sums.stream_id = ${name}.stream_id${level.unit ? ` AND sums.${level.unit[0]} = ${name}.${level.unit[0]}` : ''}`;

const subtract = (level: Level) => `UPDATE ${level.table} sums
     SET ${SUMS.map((sum) => `${sum} = sums.${sum} - gone.${sum}`).join(', ')}
     FROM (${grouped('removed', level)}) gone WHERE ${isOf(level, 'gone')};`;

const removeEmpty = (level: Level) => `DELETE FROM ${level.table} sums
     USING (${grouped('removed', level)}) gone WHERE ${isOf(level, 'gone')} AND sums.files = 0;`;

const add = (level: Level) => `INSERT INTO ${level.table} (${keysOf(level)}, ${SUMS.join(', ')}, first_us, last_us)
     ${grouped('added', level)} ORDER BY 1
     ON CONFLICT (${keysOf(level)}) DO UPDATE SET
       ${SUMS.map((sum) => `${sum} = ${level.table}.${sum} + excluded.${sum}`).join(', ')},
       first_us = least(${level.table}.first_us, excluded.first_us),
       last_us = greatest(${level.table}.last_us, excluded.last_us);`;

const QUARTER_FILES = `FROM chunk_file c WHERE c.stream_id = sums.stream_id
         AND c.start_us >= sums.quarter * ${QUARTER_US} AND c.start_us < (sums.quarter + 1) * ${QUARTER_US}`;
const DAY_PARTS = `FROM recorded_quarter q WHERE q.stream_id = sums.stream_id
         AND q.quarter >= sums.day * ${DAY_QUARTERS} AND q.quarter < (sums.day + 1) * ${DAY_QUARTERS}`;
const TOTAL_PARTS = 'FROM recorded_day d WHERE d.stream_id = sums.stream_id';

/** The quarters that have lost files and have others. */
const QUARTER_SPANS = `UPDATE recorded_quarter sums SET first_us = (SELECT min(c.start_us) ${QUARTER_FILES}),
       last_us = (SELECT max(c.end_us) ${QUARTER_FILES})
     FROM (${grouped('removed', LEVELS[2]!)}) gone WHERE ${isOf(LEVELS[2]!, 'gone')};`;

/** The times of a day are those of its first and its last quarter, and those of the total of its days. */
const spans = (rows: 'added' | 'removed') => `UPDATE recorded_day sums SET
       first_us = (SELECT q.first_us ${DAY_PARTS} ORDER BY q.quarter LIMIT 1),
       last_us = (SELECT q.last_us ${DAY_PARTS} ORDER BY q.quarter DESC LIMIT 1)
     FROM (${grouped(rows, LEVELS[1]!)}) changed WHERE ${isOf(LEVELS[1]!, 'changed')};
   UPDATE recorded_total sums SET first_us = (SELECT d.first_us ${TOTAL_PARTS} ORDER BY d.day LIMIT 1),
       last_us = (SELECT d.last_us ${TOTAL_PARTS} ORDER BY d.day DESC LIMIT 1)
     WHERE sums.stream_id IN (SELECT stream_id FROM ${rows});`;

const targets = (rows: 'added' | 'removed') =>
  `SELECT target, count(*) AS objects, sum(size) AS bytes FROM ${rows} GROUP BY target`;

/** A function for the triggers of a table. */
const functionOf = (name: string, removed: string, added: string) => `CREATE FUNCTION ${name}() RETURNS trigger
   LANGUAGE plpgsql AS $body$
   BEGIN
   IF TG_OP <> 'INSERT' THEN
   ${removed}
   END IF;
   IF TG_OP <> 'DELETE' THEN
   ${added}
   END IF;
   RETURN NULL;
   END $body$;`;

/** The triggers of a table: those with rows of a statement have one event each. */
const triggersOf = (table: string, prefix: string) =>
  (
    [
      ['added', 'INSERT', 'NEW TABLE AS added'],
      ['removed', 'DELETE', 'OLD TABLE AS removed'],
      ['changed', 'UPDATE', 'OLD TABLE AS removed NEW TABLE AS added'],
    ] as const
  )
    .map(
      ([name, event, rows]) => `CREATE TRIGGER ${prefix}_${name} AFTER ${event} ON ${table}
     REFERENCING ${rows} FOR EACH STATEMENT EXECUTE FUNCTION ${prefix}_sums();`,
    )
    .join('\n   ');

export const POSTGRES_TRIGGERS: string = [
  functionOf(
    'recorded_sums',
    [...LEVELS.map(subtract), ...LEVELS.map(removeEmpty), QUARTER_SPANS, spans('removed')].join('\n   '),
    [...LEVELS.map(add), spans('added')].join('\n   '),
  ),
  functionOf(
    'stored_sums',
    `UPDATE stored_total sums SET objects = sums.objects - gone.objects, bytes = sums.bytes - gone.bytes
     FROM (${targets('removed')}) gone WHERE sums.target = gone.target;
   DELETE FROM stored_total WHERE objects = 0;`,
    `INSERT INTO stored_total (target, objects, bytes) ${targets('added')} ORDER BY 1
     ON CONFLICT (target) DO UPDATE
       SET objects = stored_total.objects + excluded.objects, bytes = stored_total.bytes + excluded.bytes;`,
  ),
  triggersOf('chunk_file', 'recorded'),
  triggersOf('stored_object', 'stored'),
].join('\n   ');

export const DROP_POSTGRES_TRIGGERS: string = [
  ...['added', 'removed', 'changed'].flatMap((name) => [
    `DROP TRIGGER recorded_${name} ON chunk_file;`,
    `DROP TRIGGER stored_${name} ON stored_object;`,
  ]),
  'DROP FUNCTION recorded_sums();',
  'DROP FUNCTION stored_sums();',
].join('\n   ');
