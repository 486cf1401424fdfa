// Made by `npm run generate` from the sources; do not edit.

/**
 * The events of oxbow.
 * In: the table of events. Out: types only, no dependencies.
 */
import type { EventType } from './shapes.ts';

export type { EventType } from './shapes.ts';

export interface EventDataByType {
  /** A stream was created. */
  'stream.created': {
    /** for viewers; if empty, the name is shown */
    title: string;
    visibility: 'public' | 'unlisted' | 'signed' | 'private';
    record: boolean;
    origin: 'api' | 'command-line' | 'configuration' | 'sample';
  };
  /** The settings of a stream were changed. */
  'stream.changed': {
    /** for viewers; if empty, the name is shown */
    title: string;
    visibility: 'public' | 'unlisted' | 'signed' | 'private';
    record: boolean;
    origin: 'api' | 'command-line' | 'configuration' | 'sample';
  };
  /** A stream was removed. */
  'stream.removed': {
    recordings: 'keep' | 'delete';
  };
  /** Media flows, for the first time or again. */
  'stream.live': {
    run: number;
    /** time of the first picture */
    from: string;
  };
  /** The stream was stopped, or its source has ended: no more media is expected. */
  'stream.offline': {
    /** for a person; never an address of a source */
    detail: string;
  };
  /** Media is missing. Published at the start of the gap, with `to` null, and again with its end when media flows. */
  'stream.gap': {
    /** RFC 3339, UTC, milliseconds */
    from: string;
    to: string | null;
    cause:
      | 'source-down'
      | 'source-skipped'
      | 'bad-media'
      | 'overload'
      | 'disk'
      | 'crash'
      | 'clock'
      | 'internal'
      | 'damaged';
    /** for a person; never an address of a source */
    detail: string;
  };
  /** Recording started or stopped. */
  'stream.recording': {
    recording: boolean;
  };
  /** A new live playlist began, with other durations or codecs, at a new address. */
  'stream.generation': {
    number: number;
  };
  /** A queue of a sink, or the memory of the stream, has reached 50, 75 or 90 % of its bound, or has left such a level. Published once per change. */
  'stream.pressure': {
    /** name of the sink; null: all waiting frames of the stream */
    sink: string | null;
    /** 0, 25, 50, 75 or 90, percent of the bound */
    level: number;
    /** bytes that wait */
    bytes: number;
    /** the bound */
    maxBytes: number;
  };
  /** A publisher was accepted; `standby` while another one is active. */
  'publish.started': {
    /** `rtmp`, `srt`, `rtp`, `whip` */
    protocol: string;
    /** address and port of the publisher */
    remote: string;
    role: 'active' | 'standby';
  };
  /** A publisher was refused. Without a valid key, at most 5 a minute are reported of each address, and 60 of all. */
  'publish.refused': {
    /** `rtmp`, `srt`, `rtp`, `whip` */
    protocol: string;
    /** address and port of the publisher */
    remote: string;
    /** name that it sent, if no such stream exists */
    requested?: string;
    code: string;
    /** for a person; never an address of a source */
    detail: string;
    /** what to change, for a person */
    hint: string;
  };
  /** A second publisher became the active one: the first one left, stalled, or was replaced. */
  'publish.switched': {
    /** `rtmp`, `srt`, `rtp`, `whip` */
    protocol: string;
    /** address and port of the publisher */
    remote: string;
    reason: 'left' | 'stalled' | 'replaced';
  };
  /** The publisher is away, and viewers see a picture; or why they do not, or not any more. */
  'publish.away': {
    picture: 'last-picture' | 'slate' | 'silence' | null;
    /** for a person; never an address of a source */
    detail: string;
  };
  /** The encoder of a ladder dropped a quality because the computer is too slow, makes it again, or has failed. */
  'stream.ladder': {
    what: 'dropped' | 'raised' | 'failed';
    /** e.g. `720`; empty for `failed` */
    quality: string;
    /** for a person; never an address of a source */
    detail: string;
  };
  /** A publisher left, or oxbow ended its session. */
  'publish.ended': {
    /** `rtmp`, `srt`, `rtp`, `whip` */
    protocol: string;
    /** address and port of the publisher */
    remote: string;
    /** for a person; never an address of a source */
    detail: string;
  };
  /** Advice to the publisher: a finding appeared or changed its severity; `good` if it is no longer the case. See the page Advice. */
  'publish.warning': {
    /** see the page Advice */
    code:
      | 'video-silent'
      | 'audio-silent'
      | 'no-key-frame'
      | 'key-frame-interval'
      | 'frame-rate-low'
      | 'frame-rate-variable'
      | 'bitrate-high'
      | 'bitrate-above-announced'
      | 'bitrate-spiky'
      | 'size-changes'
      | 'b-frames'
      | 'codec-support'
      | 'pixel-format'
      | 'interlaced'
      | 'no-audio'
      | 'audio-codec'
      | 'audio-sample-rate'
      | 'audio-late'
      | 'av-offset'
      | 'timestamps-backwards'
      | 'clock-drift'
      | 'arrival-pauses'
      | 'srt-latency'
      | 'packet-loss'
      | 'packets-dropped'
      | 'media-damaged';
    severity: 'good' | 'warn' | 'bad';
    /** the measured value, in `unit` */
    value: number | null;
    /** what the value should be or not exceed */
    target: number | null;
    /** `s`, `ms`, `bit/s`, `fps`, `Hz`, `%`, `x` (a factor), `count`, or empty */
    unit: string;
    /** the finding in a sentence */
    text: string;
    /** what to change; empty if it is good */
    hint: string;
  };
  /** An alarm of a stream was raised. See the page Alarms. */
  'alarm.raised': {
    id: string;
    alarm:
      | 'no-media'
      | 'no-publisher'
      | 'no-video'
      | 'no-audio'
      | 'low-bitrate'
      | 'high-bitrate'
      | 'low-fps'
      | 'long-gop'
      | 'loss'
      | 'damage'
      | 'gaps'
      | 'black'
      | 'freeze'
      | 'silence'
      | 'clipping'
      | 'off-clock'
      | 'not-recording';
    severity: 'critical' | 'warning';
    /** since when the value was beyond the threshold */
    from: string;
    /** when it was cleared; null: it is active */
    to: string | null;
    /** the value that was furthest beyond the threshold: bit/s, frames a second, seconds, percent, dB or a number, as the rule has it; null for rules without a value */
    value: number | null;
    threshold: number | null;
    /** what it means, in a sentence */
    detail: string;
  };
  /** An alarm of a stream was cleared; `id` is that of `alarm.raised`. */
  'alarm.cleared': {
    id: string;
    alarm:
      | 'no-media'
      | 'no-publisher'
      | 'no-video'
      | 'no-audio'
      | 'low-bitrate'
      | 'high-bitrate'
      | 'low-fps'
      | 'long-gop'
      | 'loss'
      | 'damage'
      | 'gaps'
      | 'black'
      | 'freeze'
      | 'silence'
      | 'clipping'
      | 'off-clock'
      | 'not-recording';
    severity: 'critical' | 'warning';
    /** since when the value was beyond the threshold */
    from: string;
    /** when it was cleared; null: it is active */
    to: string | null;
    /** the value that was furthest beyond the threshold: bit/s, frames a second, seconds, percent, dB or a number, as the rule has it; null for rules without a value */
    value: number | null;
    threshold: number | null;
    /** what it means, in a sentence */
    detail: string;
  };
  /** A relay sends media to its target, for the first time or again. */
  'relay.live': {
    id: string;
    label: string;
    /** address of the target without its secrets */
    target: string;
    /** tracks that the target cannot take */
    leftOut: string[];
  };
  /** A relay lost its target, or could not reach it. Published once until it is live again; it tries again. */
  'relay.failed': {
    id: string;
    label: string;
    /** address of the target without its secrets */
    target: string;
    /** for a person; never an address of a source */
    detail: string;
  };
  /** A job was queued. */
  'job.created': {
    id: string;
    kind: string;
    state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
    /** 0 to 1 */
    progress: number;
    /** progress by name, 0 to 1, e.g. of each rendition */
    parts: Readonly<Record<string, number>>;
    /** what it works on, e.g. the id of an asset */
    subject: string | null;
  };
  /** A job has started, has made progress, or waits for another try; progress at most once a second. */
  'job.progress': {
    id: string;
    kind: string;
    state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
    /** 0 to 1 */
    progress: number;
    /** progress by name, 0 to 1, e.g. of each rendition */
    parts: Readonly<Record<string, number>>;
    /** what it works on, e.g. the id of an asset */
    subject: string | null;
  };
  /** A job is done. */
  'job.done': {
    id: string;
    kind: string;
    state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
    /** 0 to 1 */
    progress: number;
    /** progress by name, 0 to 1, e.g. of each rendition */
    parts: Readonly<Record<string, number>>;
    /** what it works on, e.g. the id of an asset */
    subject: string | null;
    result: Readonly<Record<string, unknown>> | null;
  };
  /** A job failed. */
  'job.failed': {
    id: string;
    kind: string;
    state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
    /** 0 to 1 */
    progress: number;
    /** progress by name, 0 to 1, e.g. of each rendition */
    parts: Readonly<Record<string, number>>;
    /** what it works on, e.g. the id of an asset */
    subject: string | null;
    error: {
      code: string;
      detail: string;
    } | null;
  };
  /** A job was cancelled. */
  'job.cancelled': {
    id: string;
    kind: string;
    state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
    /** 0 to 1 */
    progress: number;
    /** progress by name, 0 to 1, e.g. of each rendition */
    parts: Readonly<Record<string, number>>;
    /** what it works on, e.g. the id of an asset */
    subject: string | null;
  };
  /** An asset was created: its upload begins. */
  'asset.created': {
    id: string;
    title: string;
    /** `uploading`, `processing`, `ready`, `failed` */
    state: string;
    /** `public`, `unlisted`, `private` */
    visibility: string;
    /** `admin`, or `token:` with the id of an API token */
    owner: string;
    /** it is in the trash */
    trash: boolean;
  };
  /** The texts, the state or the renditions of an asset changed; or it was taken out of the trash. */
  'asset.changed': {
    id: string;
    title: string;
    /** `uploading`, `processing`, `ready`, `failed` */
    state: string;
    /** `public`, `unlisted`, `private` */
    visibility: string;
    /** `admin`, or `token:` with the id of an API token */
    owner: string;
    /** it is in the trash */
    trash: boolean;
  };
  /** An asset can be played. */
  'asset.ready': {
    id: string;
    title: string;
    /** `uploading`, `processing`, `ready`, `failed` */
    state: string;
    /** `public`, `unlisted`, `private` */
    visibility: string;
    /** `admin`, or `token:` with the id of an API token */
    owner: string;
    /** it is in the trash */
    trash: boolean;
  };
  /** The upload or the processing of an asset failed. */
  'asset.failed': {
    id: string;
    title: string;
    /** `uploading`, `processing`, `ready`, `failed` */
    state: string;
    /** `public`, `unlisted`, `private` */
    visibility: string;
    /** `admin`, or `token:` with the id of an API token */
    owner: string;
    error: {
      code: string;
      detail: string;
    } | null;
  };
  /** An asset was moved to the trash, or deleted for good. */
  'asset.deleted': {
    id: string;
    title: string;
    /** `uploading`, `processing`, `ready`, `failed` */
    state: string;
    /** `public`, `unlisted`, `private` */
    visibility: string;
    /** `admin`, or `token:` with the id of an API token */
    owner: string;
    /** for good */
    purged: boolean;
  };
  /** Bytes of an upload arrived. Published at most once a second for each upload, and with its last byte. */
  'upload.progress': {
    id: string;
    /** id of the asset */
    asset: string;
    /** `admin`, or `token:` with the id of an API token */
    owner: string;
    /** bytes; of an upload in chunks, those of all chunks */
    received: number;
    /** null while it is not known */
    length: number | null;
    /** since the event before */
    bytesPerSecond: number | null;
  };
  /** A room was created. What is written and played in rooms is not published. */
  'room.created': {
    id: string;
    /** `admin`, or `user:` with the id of a user */
    owner: string;
    /** `public`, `unlisted` */
    visibility: string;
  };
  /** A room was deleted with its playlist and its chat. */
  'room.deleted': {
    id: string;
    /** `admin`, or `user:` with the id of a user */
    owner: string;
    /** `public`, `unlisted` */
    visibility: string;
    /** `expired`: its time has come, or no one had used it; `owner-deleted`: with the account of its owner */
    reason: 'request' | 'expired' | 'owner-deleted';
  };
  /** A marker was added. */
  'marker.added': {
    id: string;
    /** RFC 3339, UTC, milliseconds */
    at: string;
    text: string;
  };
  /** A marker was deleted. */
  'marker.removed': {
    id: string;
  };
  /** A pin was added. */
  'pin.added': {
    id: string;
    /** RFC 3339, UTC, milliseconds */
    from: string;
    /** RFC 3339, UTC, milliseconds */
    to: string;
    text: string;
  };
  /** A pin was deleted. */
  'pin.removed': {
    id: string;
  };
  /** A range of a recording was deleted on request. */
  'recording.deleted': {
    /** of the deletion */
    id: string;
    /** start of the first deleted segment, RFC 3339 */
    from: string;
    /** end of the last one */
    to: string;
  };
  /** A legal hold was set. */
  'hold.added': {
    id: string;
    stream: string;
    from: string;
    /** null: until it is lifted, with what is recorded from now on */
    to: string | null;
    name: string;
    reason: string;
    /** who set it, as in the audit log */
    author: string;
    createdAt: string;
  };
  /** A legal hold was lifted. */
  'hold.lifted': {
    id: string;
    stream: string;
    from: string;
    /** null: until it is lifted, with what is recorded from now on */
    to: string | null;
    name: string;
    reason: string;
    /** who set it, as in the audit log */
    author: string;
    createdAt: string;
  };
  /** A clip was created. */
  'clip.created': {
    id: string;
    /** may be empty */
    title: string;
    visibility: 'public' | 'unlisted' | 'signed' | 'private';
    /** `admin`, `user:` with the id of a user, or `token:` with that of an API token */
    owner: string;
  };
  /** The title or the visibility of a clip changed. */
  'clip.changed': {
    id: string;
    /** may be empty */
    title: string;
    visibility: 'public' | 'unlisted' | 'signed' | 'private';
    /** `admin`, `user:` with the id of a user, or `token:` with that of an API token */
    owner: string;
  };
  /** A clip was deleted. */
  'clip.deleted': {
    id: string;
    /** may be empty */
    title: string;
    visibility: 'public' | 'unlisted' | 'signed' | 'private';
    /** `admin`, `user:` with the id of a user, or `token:` with that of an API token */
    owner: string;
  };
  /** The media of a clip is gone. */
  'clip.lost': {
    id: string;
    /** may be empty */
    title: string;
    visibility: 'public' | 'unlisted' | 'signed' | 'private';
    /** `admin`, `user:` with the id of a user, or `token:` with that of an API token */
    owner: string;
    reason: 'disk' | 'deleted';
  };
  /** The disk is full: recording has stopped. */
  'disk.low': {
    /** bytes */
    free: number;
    /** bytes */
    total: number;
  };
  /** The disk has room again: recording continues. */
  'disk.ok': {
    /** bytes */
    free: number;
    /** bytes */
    total: number;
  };
  /** A stored file is damaged, missing, unreadable or without an index row. Its damaged segments are a gap from now on. */
  'recording.damaged': {
    /** relative to the data folder */
    file: string;
    /** `damaged`, `missing`, `unreadable`, `orphan` */
    problem: string;
    /** damaged segments, where the number is known */
    segments: number;
    /** id of the asset, if the file is of the library */
    asset?: string;
    /** for a person */
    detail: string;
  };
  /** A damaged file was replaced by its intact second copy in an object store. */
  'recording.repaired': {
    /** relative to the data folder */
    file: string;
    /** id of the asset, if the file is of the library */
    asset?: string;
  };
  /** A folder of recordings is missing or full: its streams are not recorded. */
  'folder.failing': {
    /** its name in the settings */
    folder: string;
    /** for a person */
    detail: string;
  };
  /** A folder of recordings can be used again: recording continues. */
  'folder.ok': {
    /** its name in the settings */
    folder: string;
  };
  /** An object store fails: files stay in the data folder, and recording continues. */
  'storage.failing': {
    /** its name in the settings */
    target: string;
    /** for a person */
    detail: string;
  };
  /** The object store works again: files are copied or moved to it. */
  'storage.ok': {
    /** its name in the settings */
    target: string;
  };
  /** A webhook failed for too long and is disabled until it is replaced with PUT. */
  'webhook.disabled': {
    id: string;
    reason: string;
  };
  /** A service outside of oxbow has not answered several times in a row. It is called again after a pause. Published once until it answers. */
  'service.failing': {
    /** e.g. `mail`, `redis`, `rabbitmq`, `auth` */
    service: string;
    /** for a person; never an address of a source */
    detail: string;
  };
  /** A service that was failing answers again. */
  'service.ok': {
    service: string;
  };
  /** oxbow has started. */
  'server.starting': {
    version: string;
  };
  /** oxbow is shutting down. */
  'server.ending': Record<string, never>;
}

export type OxbowEvent<T extends EventType = EventType> = {
  [Each in T]: {
    /** Sorts by time. */
    readonly id: string;
    readonly type: Each;
    /** RFC 3339, UTC, milliseconds. */
    readonly at: string;
    /** Name of the stream, or null for events about no stream. */
    readonly stream: string | null;
    readonly data: EventDataByType[Each];
  };
}[T];

/**
 * Events of one connection. `events.reset`: some events were lost, so the client has to read the state
 * again. `events.ended`: the permission of the connection has ended; `code` is the error that a new
 * connection would get.
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
