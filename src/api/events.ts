/**
 * The table of all events: name, audience, and the schema of the data.
 * In: every module that publishes events on cluster/bus/event-bus.ts. Out: SSE, WebSocket and webhooks,
 * OpenAPI, the typed client, docs/reference/events.md.
 */

import { gapCauses } from '@oxbow/media/gap';
import type { Static, TSchema } from 'typebox';
import { Finding } from './advice.ts';
import { alarmEvents } from './alarms/alarm-events.ts';
import { angleEvents } from './angles/angle-events.ts';
import { cameraEvents } from './cameras/camera-events.ts';
import { caseEvents } from './cases/case-events.ts';
import { channelEvents } from './channel/channel-events.ts';
import { clipEvents } from './clips/clip-events.ts';
import { deletionEvents } from './deletions/deletion-events.ts';
import { evidenceEvents } from './evidence/evidence-events.ts';
import { healingEvents } from './healing/healing-events.ts';
import { JobView } from './jobs/job-shapes.ts';
import { markEvents } from './marks/mark-events.ts';
import { mixerEvents } from './mixer/mixer-events.ts';
import { relayEvents } from './relay/relay-events.ts';
import { reportEvents } from './reports/report-events.ts';
import { roomEvents } from './room/room-events.ts';
import { StreamView } from './shapes.ts';
import { storageEvents } from './storage-events.ts';
import { inline, Type } from './type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const Detail = Type.String({ description: 'for a person; never an address of a source' });
const { id, kind, state, progress, parts, subject, result, error } = JobView.properties;
const jobData = { id, kind, state, progress, parts, subject };
const JobData = Type.Object(jobData);
const StreamData = Type.Object({
  title: StreamView.properties.title,
  visibility: StreamView.properties.visibility,
  record: Type.Boolean(),
  origin: StreamView.properties.origin,
});

/**
 * Who receives an event. `stream`: clients that may see the stream. `anyone`: all clients. `admin`:
 * administrators. `owner`: administrators, and the principal that `owner` of the data names.
 */
export type EventAudience = 'stream' | 'anyone' | 'admin' | 'owner';

const Publisher = {
  protocol: Type.String({ description: '`rtmp`, `srt`, `rtp`, `whip`' }),
  remote: Type.String({ description: 'address and port of the publisher' }),
};

const AssetData = {
  id: Type.String(),
  title: Type.String(),
  state: Type.String({ description: '`uploading`, `processing`, `ready`, `failed`' }),
  visibility: Type.String({ description: '`public`, `unlisted`, `private`' }),
  owner: Type.String({ description: '`admin`, or `token:` with the id of an API token' }),
};
const AssetState = Type.Object({ ...AssetData, trash: Type.Boolean({ description: 'it is in the trash' }) });

interface Row {
  readonly audience: EventAudience;
  /** When it is published, in a sentence. */
  readonly sentence: string;
  readonly data: TSchema;
}

/** The table: type, audience, sentence, schema of `data`. A type that was ever released keeps its meaning. */
export const eventTable = {
  'stream.created': { audience: 'stream', sentence: 'A stream was created.', data: StreamData },
  'stream.changed': { audience: 'stream', sentence: 'The settings of a stream were changed.', data: StreamData },
  'stream.removed': {
    audience: 'stream',
    sentence: 'A stream was removed.',
    data: Type.Object({ recordings: Type.Union([Type.Literal('keep'), Type.Literal('delete')]) }),
  },
  'stream.live': {
    audience: 'stream',
    sentence: 'Media flows, for the first time or again.',
    data: Type.Object({
      run: Type.Integer(),
      from: Type.String({ ...Time, description: 'time of the first picture' }),
    }),
  },
  'stream.offline': {
    audience: 'stream',
    sentence: 'The stream was stopped, or its source has ended: no more media is expected.',
    data: Type.Object({ detail: Detail }),
  },
  'stream.gap': {
    audience: 'stream',
    sentence:
      'Media is missing. Published at the start of the gap, with `to` null, and again with its end when media flows.',
    data: Type.Object({
      from: Time,
      to: Type.Union([Time, Type.Null()]),
      cause: Type.Unsafe<(typeof gapCauses)[number]>(Type.String({ enum: [...gapCauses] })),
      detail: Detail,
    }),
  },
  'stream.recording': {
    audience: 'stream',
    sentence: 'Recording started or stopped.',
    data: Type.Object({ recording: Type.Boolean() }),
  },
  'stream.generation': {
    audience: 'stream',
    sentence: 'A new live playlist began, with other durations or codecs, at a new address.',
    data: Type.Object({ number: Type.Integer() }),
  },
  'stream.pressure': {
    audience: 'admin',
    sentence:
      'A queue of a sink, or the memory of the stream, has reached 50, 75 or 90 % of its bound, or has left such a level. Published once per change.',
    data: Type.Object({
      sink: Type.Union([Type.String(), Type.Null()], {
        description: 'name of the sink; null: all waiting frames of the stream',
      }),
      level: Type.Integer({ description: '0, 25, 50, 75 or 90, percent of the bound' }),
      bytes: Type.Integer({ description: 'bytes that wait' }),
      maxBytes: Type.Integer({ description: 'the bound' }),
    }),
  },
  'publish.started': {
    audience: 'admin',
    sentence: 'A publisher was accepted; `standby` while another one is active.',
    data: Type.Object({
      ...Publisher,
      role: Type.Union([Type.Literal('active'), Type.Literal('standby')]),
    }),
  },
  'publish.refused': {
    audience: 'admin',
    sentence:
      'A publisher was refused. Without a valid key, at most 5 a minute are reported of each address, and 60 of all.',
    data: Type.Object({
      ...Publisher,
      requested: Type.Optional(
        Type.String({ description: 'name that it sent, if no such stream exists and it can be no key' }),
      ),
      code: Type.String(),
      detail: Detail,
      hint: Type.String({ description: 'what to change, for a person' }),
    }),
  },
  'publish.switched': {
    audience: 'admin',
    sentence: 'A second publisher became the active one: the first one left, stalled, or was replaced.',
    data: Type.Object({
      ...Publisher,
      reason: Type.Union([Type.Literal('left'), Type.Literal('stalled'), Type.Literal('replaced')]),
    }),
  },
  'publish.away': {
    audience: 'admin',
    sentence: 'The publisher is away, and viewers see a picture; or why they do not, or not any more.',
    data: Type.Object({
      picture: Type.Union([
        Type.Literal('last-picture'),
        Type.Literal('slate'),
        Type.Literal('silence', { description: 'a stream of audio alone' }),
        Type.Null({ description: 'none is shown' }),
      ]),
      detail: Detail,
    }),
  },
  'stream.ladder': {
    audience: 'admin',
    sentence:
      'The encoder of a ladder dropped a quality because the computer is too slow, makes it again, or has failed.',
    data: Type.Object({
      what: Type.Union([Type.Literal('dropped'), Type.Literal('raised'), Type.Literal('failed')]),
      quality: Type.String({ description: 'e.g. `720`; empty for `failed`' }),
      detail: Detail,
    }),
  },
  'publish.ended': {
    audience: 'admin',
    sentence: 'A publisher left, or oxbow ended its session.',
    data: Type.Object({ ...Publisher, detail: Detail }),
  },
  'publish.warning': {
    audience: 'admin',
    sentence:
      'Advice to the publisher: a finding appeared or changed its severity; `good` if it is no longer the case. See the page Advice.',
    data: inline(Finding),
  },
  ...alarmEvents,
  ...healingEvents,
  ...reportEvents,
  ...evidenceEvents,
  ...relayEvents,
  ...mixerEvents,
  'job.created': { audience: 'admin', sentence: 'A job was queued.', data: JobData },
  'job.progress': {
    audience: 'admin',
    sentence: 'A job has started, has made progress, or waits for another try; progress at most once a second.',
    data: JobData,
  },
  'job.done': {
    audience: 'admin',
    sentence: 'A job is done.',
    data: Type.Object({ ...jobData, result }),
  },
  'job.failed': {
    audience: 'admin',
    sentence: 'A job failed.',
    data: Type.Object({ ...jobData, error }),
  },
  'job.cancelled': { audience: 'admin', sentence: 'A job was cancelled.', data: JobData },
  'asset.created': { audience: 'owner', sentence: 'An asset was created: its upload begins.', data: AssetState },
  'asset.changed': {
    audience: 'owner',
    sentence: 'The texts, the state or the renditions of an asset changed; or it was taken out of the trash.',
    data: AssetState,
  },
  'asset.ready': { audience: 'owner', sentence: 'An asset can be played.', data: AssetState },
  'asset.failed': {
    audience: 'owner',
    sentence: 'The upload or the processing of an asset failed.',
    data: Type.Object({
      ...AssetData,
      error: Type.Union([Type.Object({ code: Type.String(), detail: Type.String() }), Type.Null()]),
    }),
  },
  'asset.deleted': {
    audience: 'owner',
    sentence: 'An asset was moved to the trash, or deleted for good.',
    data: Type.Object({ ...AssetData, purged: Type.Boolean({ description: 'for good' }) }),
  },
  'upload.progress': {
    audience: 'owner',
    sentence: 'Bytes of an upload arrived. Published at most once a second for each upload, and with its last byte.',
    data: Type.Object({
      id: Type.String(),
      asset: Type.String({ description: 'id of the asset' }),
      owner: AssetData.owner,
      received: Type.Integer({ description: 'bytes; of an upload in chunks, those of all chunks' }),
      length: Type.Union([Type.Integer(), Type.Null()], { description: 'null while it is not known' }),
      bytesPerSecond: Type.Union([Type.Integer(), Type.Null()], { description: 'since the event before' }),
    }),
  },
  ...roomEvents,
  ...markEvents,
  ...channelEvents,
  ...deletionEvents,
  ...clipEvents,
  ...cameraEvents,
  ...caseEvents,
  ...angleEvents,
  ...storageEvents,
  'webhook.disabled': {
    audience: 'admin',
    sentence: 'A webhook failed for too long and is disabled until it is replaced with PUT.',
    data: Type.Object({ id: Type.String(), reason: Type.String() }),
  },
  'service.failing': {
    audience: 'admin',
    sentence:
      'A service outside of oxbow has not answered several times in a row. It is called again after a pause. Published once until it answers.',
    data: Type.Object({
      service: Type.String({ description: 'e.g. `mail`, `redis`, `nats`, `rabbitmq`, `auth`' }),
      detail: Detail,
    }),
  },
  'service.ok': {
    audience: 'admin',
    sentence: 'A service that was failing answers again.',
    data: Type.Object({ service: Type.String() }),
  },
  'server.starting': {
    audience: 'anyone',
    sentence: 'oxbow has started.',
    data: Type.Object({ version: Type.String() }),
  },
  'server.ending': { audience: 'anyone', sentence: 'oxbow is shutting down.', data: Type.Object({}) },
} as const satisfies Record<string, Row>;

/** The name of an event. */
export type EventType = keyof typeof eventTable;

/** All names, in the order of the table. */
export const eventTypes = Object.keys(eventTable) as readonly EventType[];

/** The data of an event of that name. */
export type EventData<T extends EventType> = Static<(typeof eventTable)[T]['data']>;

/** An event as it is sent. */
export type OxbowEvent<T extends EventType = EventType> = {
  [Each in T]: {
    /** Sorts by time; `Last-Event-ID` or `?after=` continues after it. */
    readonly id: string;
    readonly type: Each;
    /** RFC 3339, UTC, milliseconds. */
    readonly at: string;
    /** Name of the stream that it is about, or null. */
    readonly stream: string | null;
    readonly data: EventData<Each>;
  };
}[T];

/**
 * Events of one connection. `events.ready` is the first one, or `events.reset` if the events after the
 * requested id are no longer available and the client has to read the state again; their id is that of the
 * newest event. `events.ended` is the last one, if the permission of the connection has ended; `code` is the
 * error that a new connection would get.
 */
export type ConnectionEvent =
  | {
      readonly id: string;
      readonly type: 'events.ready' | 'events.reset';
      readonly at: string;
      readonly stream: null;
      readonly data: { readonly replayed: number };
    }
  | {
      readonly id: '';
      readonly type: 'events.ended';
      readonly at: string;
      readonly stream: null;
      readonly data: { readonly code: 'watch-expired' | 'watch-refused' | 'unauthorized' };
    };

/** The schema of an event of that name, for OpenAPI. */
export function eventSchema(type: EventType): TSchema {
  return Type.Object({
    id: Type.String(),
    type: Type.Literal(type),
    at: Time,
    stream: Type.Union([Type.String(), Type.Null()]),
    data: eventTable[type].data as TSchema,
  });
}
