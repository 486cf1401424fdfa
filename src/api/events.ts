/**
 * Every event, said once: what it is called, who may hear it, what it tells.
 * In: whoever notices something (cluster/event-bus.ts carries it). Out: SSE, WebSocket and webhooks, OpenAPI, the typed client,
 * docs/7-reference/events.md.
 */
import type { Static, TSchema } from 'typebox';
import { gapCauses } from './gap.ts';
import { JobView } from './job-shapes.ts';
import { MarkerView, PinView, StreamView } from './shapes.ts';
import { Type } from './type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const Detail = Type.String({ description: 'for a person; never an address of a source' });
const { id, kind, state, progress, result, error } = JobView.properties;
const JobData = Type.Object({ id, kind, state, progress });
const StreamData = Type.Object({
  title: StreamView.properties.title,
  visibility: StreamView.properties.visibility,
  record: Type.Boolean(),
  origin: StreamView.properties.origin,
});

/**
 * Who may hear it. `stream`: whoever may see the stream. `anyone`: everybody. `admin`: administrators.
 */
export type EventAudience = 'stream' | 'anyone' | 'admin';

const Publisher = {
  protocol: Type.String({ description: '`rtmp`, `srt`, `rtp`, `whip`' }),
  remote: Type.String({ description: 'address and port of the publisher' }),
};

interface Row {
  readonly audience: EventAudience;
  /** When it is told, in a sentence. */
  readonly sentence: string;
  readonly data: TSchema;
}

/** The table: type, audience, sentence, schema of `data`. A type that was ever released keeps its meaning. */
export const eventTable = {
  'stream.created': { audience: 'stream', sentence: 'A stream was made.', data: StreamData },
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
    sentence: 'Nothing is meant to flow any more: the stream was stopped, or its source has ended.',
    data: Type.Object({ detail: Detail }),
  },
  'stream.gap': {
    audience: 'stream',
    sentence: 'Media is missing: told when that begins, with `to` null, and again with its end when media flows.',
    data: Type.Object({
      from: Time,
      to: Type.Union([Time, Type.Null()]),
      cause: Type.Unsafe<(typeof gapCauses)[number]>(Type.String({ enum: [...gapCauses] })),
      detail: Detail,
    }),
  },
  'stream.recording': {
    audience: 'stream',
    sentence: 'Recording began, or ended.',
    data: Type.Object({ recording: Type.Boolean() }),
  },
  'stream.generation': {
    audience: 'stream',
    sentence: 'The live playlist was made anew, with other durations or codecs and so at another address.',
    data: Type.Object({ number: Type.Integer() }),
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
    sentence: 'A publisher was refused.',
    data: Type.Object({
      ...Publisher,
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
  'publish.ended': {
    audience: 'admin',
    sentence: 'A publisher left, or oxbow ended its session.',
    data: Type.Object({ ...Publisher, detail: Detail }),
  },
  'job.created': { audience: 'admin', sentence: 'A job waits to be worked on.', data: JobData },
  'job.progress': { audience: 'admin', sentence: 'A job came further; at most once a second.', data: JobData },
  'job.done': {
    audience: 'admin',
    sentence: 'A job is done.',
    data: Type.Object({ id, kind, state, progress, result }),
  },
  'job.failed': {
    audience: 'admin',
    sentence: 'A job failed.',
    data: Type.Object({ id, kind, state, progress, error }),
  },
  'job.cancelled': { audience: 'admin', sentence: 'A job was cancelled.', data: JobData },
  'marker.added': { audience: 'stream', sentence: 'An instant was marked.', data: inline(MarkerView) },
  'marker.removed': {
    audience: 'stream',
    sentence: 'A marker was deleted.',
    data: Type.Object({ id: Type.String() }),
  },
  'pin.added': { audience: 'stream', sentence: 'A stretch was pinned.', data: inline(PinView) },
  'pin.removed': { audience: 'stream', sentence: 'A pin was deleted.', data: Type.Object({ id: Type.String() }) },
  'disk.low': {
    audience: 'admin',
    sentence: 'The disk has no room: nothing is recorded.',
    data: Type.Object({ free: Type.Integer({ description: 'bytes' }), total: Type.Integer({ description: 'bytes' }) }),
  },
  'disk.ok': {
    audience: 'admin',
    sentence: 'The disk has room again.',
    data: Type.Object({ free: Type.Integer({ description: 'bytes' }), total: Type.Integer({ description: 'bytes' }) }),
  },
  'webhook.disabled': {
    audience: 'admin',
    sentence: 'A webhook failed for too long and gets nothing more until it is set anew.',
    data: Type.Object({ id: Type.String(), reason: Type.String() }),
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

/** What an event of that name tells. */
export type EventData<T extends EventType> = Static<(typeof eventTable)[T]['data']>;

/** An event as it is sent. */
export type OxbowEvent<T extends EventType = EventType> = {
  [Each in T]: {
    /** Sorts by time; `Last-Event-ID` or `?after=` goes on behind it. */
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
 * What a listener hears of its own connection: `events.ready` first of all, or `events.reset` where what lies behind the asked id is not
 * known any more, so that the state has to be asked for anew. Their id is that of the newest event. `events.ended` last of all, where
 * the right by which it listened has ended; `code` is that of the refusal that whoever comes back meets.
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

/** A named shape as part of another one. */
function inline<S extends typeof MarkerView | typeof PinView>(schema: S): S {
  return { ...schema, $id: undefined } as unknown as S;
}
