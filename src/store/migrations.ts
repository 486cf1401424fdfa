/**
 * The history of the database's schema, the same for all engines. A step that was released is never changed;
 * a change is a new step.
 * In: nothing. Out: steps, which sqlite.ts and postgres/migrate.ts run in one transaction each; the tables of
 * schema.ts.
 */
import { alarmMigration } from '../features/alarms/tables.ts';
import { angleMigration } from '../features/angles/tables.ts';
import { cameraMigration } from '../features/cameras/tables.ts';
import { caseMigration } from '../features/cases/tables.ts';
import { channelMigration, channelRoomMigration } from '../features/channel/tables.ts';
import { evidenceMigration } from '../features/evidence/tables.ts';
import { healingMigration, healingSourcesMigration } from '../features/healing/tables.ts';
import { insightMigration, sealedMigration } from '../features/insight/tables.ts';
import { mixerMigration } from '../features/mixer/tables.ts';
import { peerMigration } from '../features/peers/tables.ts';
import { pushMigration } from '../features/push/tables.ts';
import { reportMigration } from '../features/reports/tables.ts';
import { keepChatMigration, presentMigration, roomMigrations } from '../features/rooms/tables.ts';
import { televisionMigration, televisionSessionMigration } from '../features/television/tables.ts';
import { OxbowError } from '../lib/errors.ts';
import { loggedMigration } from './objects/logged-step.ts';
import { objectMigration } from './objects/object-migration.ts';
import { sealedAddressMigration, sealedTargetMigration } from './sealed/sealed-step.ts';
import { accountMigration } from './tables/account-migration.ts';
import { erasureMigration } from './tables/erasure-tables.ts';
import { eventLogMigration } from './tables/event-tables.ts';
import { nodeMigration, nodeStateMigration, rowChangeMigration } from './tables/node-tables.ts';
import { recordedMigration } from './tables/recorded-tables.ts';
import { settingMigration } from './tables/setting-tables.ts';
import { streamShardMigration } from './tables/shard-tables.ts';
import { stagedMigration } from './tables/staged-tables.ts';
import { traceMigration } from './tables/trace-columns.ts';

/**
 * A step, in the SQL of SQLite; postgres/statements.ts translates it. Without `down` the step cannot be
 * undone: those of the first release with `down` and before.
 */
export type Migration =
  | string
  | {
      readonly up: string;
      readonly down: string;
      /**
       * An oxbow of the schema before works with this one, and may run meanwhile: the step only adds tables,
       * indices, and columns that have a default or may be null, and what is in them may be ignored. Without
       * it all processes of before must have ended. docs/9-run/regions.md.
       */
      readonly expands?: true;
    };

/** The oldest schema that a database can be taken back to. */
export const OLDEST_SCHEMA = 29;

/** Step n upgrades to schema n + 1 (`PRAGMA user_version`). */
export const migrations: readonly Migration[] = [
  `CREATE TABLE stream (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     source TEXT NOT NULL,
     origin TEXT NOT NULL,
     record INTEGER NOT NULL,
     keep_ms INTEGER,
     visibility TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     stopped INTEGER NOT NULL DEFAULT 0,
     deleted_us INTEGER
   ) STRICT;
   CREATE TABLE chunk_file (
     stream_id TEXT NOT NULL,
     first_msn INTEGER NOT NULL,
     last_msn INTEGER NOT NULL,
     start_us INTEGER NOT NULL,
     end_us INTEGER NOT NULL,
     path TEXT NOT NULL,
     size INTEGER NOT NULL,
     run INTEGER NOT NULL,
     e_us INTEGER NOT NULL,
     run_clock TEXT NOT NULL,
     init_number INTEGER NOT NULL,
     discontinuity_sequence INTEGER NOT NULL,
     segment_count INTEGER NOT NULL,
     absences TEXT NOT NULL,
     segments BLOB NOT NULL,
     PRIMARY KEY (stream_id, first_msn)
   ) STRICT;
   CREATE INDEX chunk_file_by_time ON chunk_file (stream_id, start_us);
   CREATE TABLE init (
     stream_id TEXT NOT NULL,
     number INTEGER NOT NULL,
     hash TEXT NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (stream_id, number)
   ) STRICT;
   CREATE TABLE stream_presence (
     stream_id TEXT PRIMARY KEY,
     at_us INTEGER NOT NULL,
     clean INTEGER NOT NULL,
     absences TEXT NOT NULL,
     generation TEXT
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE job (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     kind TEXT NOT NULL,
     state TEXT NOT NULL,
     progress REAL NOT NULL,
     input TEXT NOT NULL,
     result TEXT,
     error TEXT,
     tries INTEGER NOT NULL,
     created_us INTEGER NOT NULL,
     started_us INTEGER,
     ended_us INTEGER
   ) STRICT;
   CREATE INDEX job_by_state ON job (state, seq);
   CREATE INDEX job_by_end ON job (ended_us);`,
  `CREATE TABLE date_range (
     stream_id TEXT NOT NULL,
     file_msn INTEGER NOT NULL,
     msn INTEGER NOT NULL,
     id TEXT NOT NULL,
     start_us INTEGER NOT NULL,
     reach_us INTEGER NOT NULL,
     tag TEXT NOT NULL,
     PRIMARY KEY (stream_id, msn, id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX date_range_by_time ON date_range (stream_id, start_us, reach_us);
   CREATE INDEX date_range_by_file ON date_range (stream_id, file_msn);`,
  `CREATE TABLE marker (
     id TEXT PRIMARY KEY,
     stream_id TEXT NOT NULL,
     at_us INTEGER NOT NULL,
     text TEXT NOT NULL
   ) STRICT;
   CREATE INDEX marker_by_time ON marker (stream_id, at_us, id);
   CREATE TABLE pin (
     id TEXT PRIMARY KEY,
     stream_id TEXT NOT NULL,
     from_us INTEGER NOT NULL,
     to_us INTEGER NOT NULL,
     text TEXT NOT NULL
   ) STRICT;
   CREATE INDEX pin_by_stream ON pin (stream_id);
   CREATE TABLE retention (
     stream_id TEXT PRIMARY KEY,
     gone_before_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX chunk_file_span ON chunk_file
     (stream_id, start_us, end_us, first_msn, last_msn, run, e_us, segment_count, absences);
   DROP INDEX chunk_file_by_time;`,
  `CREATE TABLE session (
     id TEXT PRIMARY KEY,
     digest TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     seen_us INTEGER NOT NULL,
     address TEXT NOT NULL,
     program TEXT NOT NULL
   ) STRICT;
   CREATE TABLE api_token (
     id TEXT PRIMARY KEY,
     digest TEXT NOT NULL,
     label TEXT NOT NULL,
     scopes TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     expires_us INTEGER
   ) STRICT;
   CREATE TABLE watch_epoch (
     stream TEXT PRIMARY KEY,
     epoch INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE webhook (
     id TEXT PRIMARY KEY,
     url TEXT NOT NULL,
     types TEXT NOT NULL,
     stream TEXT,
     secret TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     failing_since_us INTEGER,
     disabled_us INTEGER,
     disabled_reason TEXT NOT NULL
   ) STRICT;
   CREATE TABLE webhook_delivery (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     webhook_id TEXT NOT NULL,
     event_id TEXT NOT NULL,
     type TEXT NOT NULL,
     body TEXT NOT NULL,
     state TEXT NOT NULL,
     tries INTEGER NOT NULL,
     next_us INTEGER NOT NULL,
     status INTEGER,
     error TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     ended_us INTEGER
   ) STRICT;
   CREATE INDEX webhook_delivery_by_webhook ON webhook_delivery (webhook_id, state, seq);`,
  `ALTER TABLE stream_presence ADD COLUMN live_source TEXT;`,
  `ALTER TABLE stream ADD COLUMN visibility_set INTEGER NOT NULL DEFAULT 0;`,
  // Presence means people; the state of a stream is whether it was on air.
  `ALTER TABLE stream_presence RENAME TO stream_on_air;`,
  `CREATE TABLE lease (
     name TEXT PRIMARY KEY,
     holder TEXT NOT NULL,
     token INTEGER NOT NULL,
     expires_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE stream ADD COLUMN title TEXT NOT NULL DEFAULT '';
   ALTER TABLE stream ADD COLUMN description TEXT NOT NULL DEFAULT '';`,
  `ALTER TABLE chunk_file RENAME COLUMN e_us TO utc_offset_us;`,
  `CREATE TABLE stream_picture (
     stream_id TEXT PRIMARY KEY,
     type TEXT NOT NULL,
     version TEXT NOT NULL,
     bytes BLOB NOT NULL
   ) STRICT;`,
  `ALTER TABLE retention RENAME COLUMN gone_before_us TO deleted_before_us;`,
  `CREATE TABLE publish_key (
     id TEXT PRIMARY KEY,
     digest TEXT NOT NULL,
     label TEXT NOT NULL,
     stream_id TEXT,
     prefix TEXT,
     max_streams INTEGER,
     allow TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     expires_us INTEGER,
     used_us INTEGER
   ) STRICT;`,
  `CREATE TABLE stats_window (
     stream_id TEXT NOT NULL,
     start_us INTEGER NOT NULL,
     packed BLOB NOT NULL,
     PRIMARY KEY (stream_id, start_us)
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE stream ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;`,
  `CREATE TABLE relay (
     id TEXT PRIMARY KEY,
     stream_id TEXT NOT NULL,
     label TEXT NOT NULL,
     url TEXT NOT NULL,
     enabled INTEGER NOT NULL,
     created_us INTEGER NOT NULL
   ) STRICT;`,
  // The library: assets, their renditions and chunk files, uploads; jobs that workers on other machines take.
  `CREATE TABLE asset (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     title TEXT NOT NULL,
     title_key TEXT NOT NULL,
     description TEXT NOT NULL,
     tags TEXT NOT NULL,
     visibility TEXT NOT NULL,
     owner TEXT NOT NULL,
     origin TEXT NOT NULL,
     state TEXT NOT NULL,
     failure TEXT,
     filename TEXT NOT NULL,
     bytes INTEGER,
     sha256 TEXT,
     content_type TEXT NOT NULL,
     duration_us INTEGER,
     facts TEXT,
     recording TEXT,
     poster_us INTEGER,
     revision INTEGER NOT NULL,
     created_us INTEGER NOT NULL,
     changed_us INTEGER NOT NULL,
     deleted_us INTEGER
   ) STRICT;
   CREATE INDEX asset_by_owner ON asset (owner, seq);
   CREATE INDEX asset_in_trash ON asset (deleted_us) WHERE deleted_us IS NOT NULL;
   CREATE TABLE asset_removed (
     id TEXT PRIMARY KEY,
     removed_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE asset_tag (
     tag TEXT NOT NULL,
     asset_seq INTEGER NOT NULL,
     PRIMARY KEY (tag, asset_seq)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX asset_tag_by_asset ON asset_tag (asset_seq);
   CREATE VIRTUAL TABLE asset_search USING fts5 (
     title, description, tags, filename,
     content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 2'
   );
   ALTER TABLE pin ADD COLUMN asset_id TEXT;
   CREATE TABLE asset_rendition (
     asset_id TEXT NOT NULL,
     id TEXT NOT NULL,
     state TEXT NOT NULL,
     progress REAL NOT NULL,
     failure TEXT,
     plan TEXT NOT NULL,
     init BLOB,
     PRIMARY KEY (asset_id, id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE asset_chunk (
     asset_id TEXT NOT NULL,
     rendition TEXT NOT NULL,
     first_msn INTEGER NOT NULL,
     last_msn INTEGER NOT NULL,
     start_us INTEGER NOT NULL,
     end_us INTEGER NOT NULL,
     path TEXT NOT NULL,
     size INTEGER NOT NULL,
     fence INTEGER NOT NULL,
     segments BLOB NOT NULL,
     PRIMARY KEY (asset_id, rendition, first_msn)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE upload (
     id TEXT PRIMARY KEY,
     asset_id TEXT NOT NULL UNIQUE,
     owner TEXT NOT NULL,
     length INTEGER,
     received INTEGER NOT NULL,
     chunk_bytes INTEGER,
     metadata TEXT NOT NULL,
     sha256 TEXT,
     state TEXT NOT NULL,
     failure TEXT,
     created_us INTEGER NOT NULL,
     expires_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX upload_by_expiry ON upload (expires_us);
   CREATE TABLE upload_part (
     upload_id TEXT NOT NULL,
     offset INTEGER NOT NULL,
     length INTEGER NOT NULL,
     checksum TEXT NOT NULL,
     PRIMARY KEY (upload_id, offset)
   ) STRICT, WITHOUT ROWID;
   ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE job ADD COLUMN subject TEXT;
   ALTER TABLE job ADD COLUMN max_tries INTEGER NOT NULL DEFAULT 3;
   ALTER TABLE job ADD COLUMN not_before_us INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE job ADD COLUMN failures TEXT NOT NULL DEFAULT '[]';
   ALTER TABLE job ADD COLUMN parts TEXT NOT NULL DEFAULT '{}';
   ALTER TABLE job ADD COLUMN lease_token INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE job ADD COLUMN lease_worker TEXT;
   ALTER TABLE job ADD COLUMN lease_until_us INTEGER NOT NULL DEFAULT 0;
   CREATE INDEX job_by_turn ON job (state, priority DESC, seq);
   CREATE INDEX job_by_subject ON job (subject, seq);
   CREATE TABLE worker (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     mode TEXT NOT NULL,
     slots INTEGER NOT NULL,
     kinds TEXT NOT NULL,
     facts TEXT NOT NULL,
     own INTEGER NOT NULL,
     created_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE stream ADD COLUMN qualities TEXT NOT NULL DEFAULT '{}';`,
  `CREATE TABLE stream_caption (
     stream_id TEXT NOT NULL,
     run INTEGER NOT NULL,
     captions TEXT NOT NULL,
     PRIMARY KEY (stream_id, run)
   ) STRICT, WITHOUT ROWID;`,
  // A repeated request for an upload finds the first one.
  `ALTER TABLE upload ADD COLUMN request_key TEXT;
   ALTER TABLE upload ADD COLUMN request_hash TEXT;
   CREATE UNIQUE INDEX upload_by_request ON upload (owner, request_key) WHERE request_key IS NOT NULL;`,
  `CREATE TABLE asset_subtitle (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     asset_id TEXT NOT NULL,
     origin TEXT NOT NULL,
     language TEXT NOT NULL,
     title TEXT NOT NULL,
     is_default INTEGER NOT NULL,
     is_forced INTEGER NOT NULL,
     cues INTEGER NOT NULL,
     charset TEXT NOT NULL,
     path TEXT NOT NULL,
     script_path TEXT
   ) STRICT;
   CREATE INDEX asset_subtitle_by_asset ON asset_subtitle (asset_id, seq);`,
  accountMigration,
  ...roomMigrations,
  `CREATE TABLE mail_message (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     user_id TEXT,
     sealed TEXT NOT NULL,
     tries INTEGER NOT NULL,
     next_us INTEGER NOT NULL,
     expires_us INTEGER NOT NULL
   ) STRICT;`,
  `CREATE INDEX audit_by_time ON audit (at_us);
   CREATE INDEX audit_by_action ON audit (action, seq);`,
  `CREATE TABLE clip (
     id TEXT PRIMARY KEY,
     stream_id TEXT NOT NULL,
     from_us INTEGER NOT NULL,
     to_us INTEGER NOT NULL,
     title TEXT NOT NULL,
     visibility TEXT NOT NULL,
     owner TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     lost_us INTEGER
   ) STRICT;
   CREATE INDEX clip_by_stream ON clip (stream_id);`,
  keepChatMigration,
  // A timeline reads only an index; the gaps of a file have no place in one, because their text has no
  // bound.
  {
    up: `ALTER TABLE chunk_file ADD COLUMN incomplete INTEGER NOT NULL DEFAULT 0;
   UPDATE chunk_file SET incomplete = 1 WHERE absences <> '[]';
   DROP INDEX chunk_file_span;
   CREATE INDEX chunk_file_span ON chunk_file
     (stream_id, start_us, end_us, first_msn, last_msn, run, utc_offset_us, segment_count, incomplete);`,
    down: `DROP INDEX chunk_file_span;
   CREATE INDEX chunk_file_span ON chunk_file
     (stream_id, start_us, end_us, first_msn, last_msn, run, utc_offset_us, segment_count, absences);
   ALTER TABLE chunk_file DROP COLUMN incomplete;`,
  },
  objectMigration,
  nodeMigration,
  presentMigration,
  rowChangeMigration,
  nodeStateMigration,
  erasureMigration,
  traceMigration,
  alarmMigration,
  settingMigration,
  {
    up: `ALTER TABLE stream ADD COLUMN watch_rules TEXT;`,
    down: `ALTER TABLE stream DROP COLUMN watch_rules;`,
  },
  eventLogMigration,
  // Rules by network and country of assets and rooms.
  {
    up: `ALTER TABLE asset ADD COLUMN watch_rules TEXT;
   ALTER TABLE room ADD COLUMN watch_rules TEXT;`,
    down: `ALTER TABLE room DROP COLUMN watch_rules;
   ALTER TABLE asset DROP COLUMN watch_rules;`,
  },
  streamShardMigration,
  stagedMigration,
  recordedMigration,
  // The broadcaster's rules for the past.
  {
    up: `ALTER TABLE stream ADD COLUMN past_rules TEXT;
   ALTER TABLE stream ADD COLUMN start_mark_ms INTEGER;`,
    down: `ALTER TABLE stream DROP COLUMN start_mark_ms;
   ALTER TABLE stream DROP COLUMN past_rules;`,
  },
  // How the segments of streams and assets are encrypted.
  {
    up: `ALTER TABLE stream ADD COLUMN encryption TEXT;
   ALTER TABLE asset ADD COLUMN encryption TEXT;`,
    down: `ALTER TABLE asset DROP COLUMN encryption;
   ALTER TABLE stream DROP COLUMN encryption;`,
  },
  insightMigration,
  reportMigration,
  // Whether viewers see which parts of a stream were watched most.
  {
    up: 'ALTER TABLE stream ADD COLUMN show_rewound INTEGER NOT NULL DEFAULT 0;',
    down: 'ALTER TABLE stream DROP COLUMN show_rewound;',
    expands: true,
  },
  sealedMigration,
  healingMigration,
  evidenceMigration,
  caseMigration,
  healingSourcesMigration,
  mixerMigration,
  angleMigration,
  cameraMigration,
  channelMigration,
  televisionMigration,
  televisionSessionMigration,
  pushMigration,
  peerMigration,
  channelRoomMigration,
  sealedAddressMigration,
  sealedTargetMigration,
  loggedMigration,
];

/** The statements that upgrade. */
export function upOf(step: Migration): string {
  return typeof step === 'string' ? step : step.up;
}

/**
 * The statements that take a database of `schema` back by one step.
 *
 * @returns undefined if it cannot be undone
 */
function downOf(schema: number): string | undefined {
  const step = migrations[schema - 1];
  return schema > OLDEST_SCHEMA && typeof step === 'object' ? step.down : undefined;
}

/** The oldest schema whose oxbow works with a database of `schema`. */
export function oldestFor(schema: number, steps = migrations): number {
  let oldest = schema;
  for (; oldest > 0; oldest--) {
    const step = steps[oldest - 1];
    if (typeof step !== 'object' || !step.expands) break;
  }
  return oldest;
}

/**
 * The statements that lead from one schema to another, in order.
 *
 * @param steps the history; default: that of this oxbow
 * @throws OxbowError `bad-request` if a step cannot be undone or does not exist
 */
export function stepsBetween(from: number, target: number, steps = migrations): readonly string[] {
  if (target > steps.length || target < 1) {
    throw new OxbowError('bad-request', `This oxbow has no schema ${target}; its newest is ${steps.length}.`);
  }
  if (target >= from) return steps.slice(from, target).map(upOf);
  return Array.from({ length: from - target }, (_, undone) => {
    const down = downOf(from - undone);
    if (down === undefined) throw new OxbowError('bad-request', `Schema ${from - undone} cannot be taken back.`);
    return down;
  });
}
