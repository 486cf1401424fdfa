// Made by `npm run generate` from the sources; do not edit.

/**
 * A method for each operation of the API.
 * In: parameters of path and query by name, and `body`.
 * Out: the server's answer; throws OxbowProblem for errors.
 */
import type { CallOptions, Requester } from './request.ts';
import type {
  AccountDeletion,
  AccountExport,
  ActivityView,
  AlarmList,
  AlarmMute,
  AlarmMuteSettings,
  AlarmView,
  AssetList,
  AssetPatch,
  AssetSubtitleView,
  AssetView,
  AuditList,
  ChunkAnswer,
  ChunkComplete,
  ChunkInit,
  ChunkStatus,
  ClipList,
  ClipPatch,
  ClipView,
  CreatedPublishKey,
  DeletionList,
  DeletionView,
  DeliveryList,
  EdgePurgeList,
  EmailVerification,
  ExportJob,
  ExportSettings,
  ExportTicket,
  GapList,
  HeartbeatAnswer,
  HoldList,
  HoldView,
  InvitationList,
  InvitationMail,
  ItemSource,
  JobClaim,
  JobFailureReport,
  JobList,
  JobOffer,
  JobResult,
  JobView,
  LogLevelView,
  LogList,
  MadeInvitation,
  MadeToken,
  MailRecipient,
  MarkerList,
  MarkerView,
  MediaServerEntryList,
  MediaServerList,
  MediaServerPatch,
  MediaServerView,
  MemberView,
  MePatch,
  MeView,
  NewClip,
  NewGuest,
  NewHold,
  NewInvitation,
  NewMarker,
  NewMediaServer,
  NewPasswordByCode,
  NewPin,
  NewPrefixKey,
  NewPublishKey,
  NewRecordedAsset,
  NewRelay,
  NewRoom,
  NewRoomItems,
  NewRoomPoll,
  NewRtpSession,
  NewStream,
  NewToken,
  NewUser,
  NewWatchToken,
  NewWebhookView,
  NewWorker,
  NodeList,
  PasswordChange,
  PasswordResetLink,
  PinList,
  PinView,
  PlaybackSessionList,
  ProbeRequest,
  ProbeView,
  PublishAddresses,
  PublishKeyList,
  RelayList,
  RelayPatch,
  RelayView,
  RoomCommand,
  RoomHistoryPage,
  RoomItem,
  RoomItemList,
  RoomItemMove,
  RoomItemPatch,
  RoomJoin,
  RoomList,
  RoomMemberList,
  RoomMemberPatch,
  RoomPatch,
  RoomPoll,
  RoomPollList,
  RoomReplayPage,
  RoomStateNow,
  RoomView,
  RotateKey,
  RtpSessionList,
  RtpSessionView,
  SessionList,
  SessionView,
  SettingList,
  SettingTexts,
  SignIn,
  SignInLink,
  SignInMethods,
  SourceSettings,
  StatsHistory,
  StorageView,
  StoredOutput,
  StreamAlarms,
  StreamBackpressure,
  StreamBuffer,
  StreamHappened,
  StreamList,
  StreamParameters,
  StreamPatch,
  StreamRecovery,
  StreamSettings,
  StreamStats,
  StreamSync,
  StreamView,
  SystemView,
  TimelineView,
  TimeView,
  TokenList,
  UploadList,
  UploadView,
  UserList,
  UserPatch,
  UserView,
  WatchToken,
  WebhookList,
  WebhookSettings,
  WebhookTestView,
  WebhookView,
  WorkerHeartbeat,
  WorkerList,
  WorkerRegistration,
  WorkerView,
} from './shapes.ts';

export class Operations {
  readonly #request: Requester;

  /** @param request sends requests */
  constructor(request: Requester) {
    this.#request = request;
  }

  /** Lists the public streams by name; administrators see all, users those that they may watch. */
  listStreams(
    input?: {
      /** items per page, at most 1000 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<StreamList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams' }, input, options);
  }

  /** Creates a stream. */
  createStream(
    input: {
      body: NewStream;
    },
    options?: CallOptions,
  ): Promise<StreamView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams' }, input, options);
  }

  /** Returns the settings and state of a stream. */
  getStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamView> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}' }, input, options);
  }

  /** Replaces the settings of a stream, or creates it. */
  replaceStream(
    input: {
      /** Name of a stream. */
      name: string;
      body: StreamSettings;
    },
    options?: CallOptions,
  ): Promise<StreamView> {
    return this.#request({ method: 'PUT', path: '/api/v1/streams/{name}' }, input, options);
  }

  /** Changes settings of a stream; its source continues. */
  updateStream(
    input: {
      /** Name of a stream. */
      name: string;
      body: StreamPatch;
    },
    options?: CallOptions,
  ): Promise<StreamView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/streams/{name}' }, input, options);
  }

  /** Removes a stream. Its recordings are kept unless `recordings=delete`. */
  deleteStream(
    input: {
      /** Name of a stream. */
      name: string;
      recordings?: 'keep' | 'delete';
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}' }, input, options);
  }

  /** Returns the settings of a stream's source, without its address and secrets. */
  getStreamSource(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<SourceSettings> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/source' }, input, options);
  }

  /** Starts a stopped stream. */
  startStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/start' }, input, options);
  }

  /** Stops a stream until it is started again. The time until then counts as offline, not as a gap. */
  stopStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/stop' }, input, options);
  }

  /** Reconnects a stream to its source. */
  restartStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/restart' }, input, options);
  }

  /** Drops the media of a stream until it is resumed; its publisher stays connected. The time until then counts as offline, not as a gap. */
  pauseStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/pause' }, input, options);
  }

  /** Lets the media of a paused stream pass again, from its next key frame on. */
  resumeStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/resume' }, input, options);
  }

  /** Returns the picture of a stream. */
  getStreamPicture(
    input: {
      /** Name of a stream. */
      name: string;
      /** the version that `picture` of the stream names */
      v?: string;
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/picture', answer: 'file' }, input, options);
  }

  /** Sets the picture of a stream: a JPEG, PNG or WebP file of at most 1 MiB. */
  replaceStreamPicture(
    input: {
      /** Name of a stream. */
      name: string;
      /** A file whose `type` is one of: image/jpeg, image/png, image/webp. */
      body: Blob;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'PUT', path: '/api/v1/streams/{name}/picture' }, input, options);
  }

  /** Removes the picture of a stream. */
  deleteStreamPicture(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/picture' }, input, options);
  }

  /** Returns what the publisher of a stream sends now (bitrate, frame rate, key frames, round trip time, loss), and what to change. */
  getStreamStats(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamStats> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/stats' }, input, options);
  }

  /** Returns the figures of a stream over time, for charts. They are kept as long as recordings. */
  getStreamStatsHistory(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: a day before `to`. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. Default: now. */
      to?: string;
      /** Length of a step in seconds, at least 5. Default: at most 1,000 steps for the range; always at most 2,000. */
      res?: string;
    },
    options?: CallOptions,
  ): Promise<StatsHistory> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/stats/history' }, input, options);
  }

  /** Lists alarms of all streams, active and past ones, the newest first. */
  listAlarms(
    input?: {
      /** default: all */
      state?: 'active' | 'past' | 'all';
      /** only of this stream */
      stream?: string;
      alarm?:
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
      /** alarms per page, at most 500; default 100 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<AlarmList> {
    return this.#request({ method: 'GET', path: '/api/v1/alarms' }, input, options);
  }

  /** Notes that a person knows of an alarm. It stays active until its cause is gone. */
  acknowledgeAlarm(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<AlarmView> {
    return this.#request({ method: 'POST', path: '/api/v1/alarms/{id}/acknowledge' }, input, options);
  }

  /** Returns the rules of alarms of a stream as they are in force, and whether it is muted. */
  getStreamAlarms(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamAlarms> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/alarms' }, input, options);
  }

  /** Mutes a stream for a while, for maintenance: no alarm is raised. What still is the case is raised afterwards. */
  replaceStreamAlarmsMute(
    input: {
      /** Name of a stream. */
      name: string;
      body: AlarmMuteSettings;
    },
    options?: CallOptions,
  ): Promise<AlarmMute> {
    return this.#request({ method: 'PUT', path: '/api/v1/streams/{name}/alarms/mute' }, input, options);
  }

  /** Ends the muting of a stream. */
  deleteStreamAlarmsMute(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/alarms/mute' }, input, options);
  }

  /** Returns what happened to a stream around an instant: gaps, publishers, alarms, changes of settings, and the figures of that minute. */
  listStreamHistory(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: the end of the range. */
      at?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: a day before `to`. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. Default: now. */
      to?: string;
    },
    options?: CallOptions,
  ): Promise<StreamHappened> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/history' }, input, options);
  }

  /** Lists who watches a stream now: one session for each viewer that is counted, with what its player reports. */
  listStreamSessions(
    input: {
      /** Name of a stream. */
      name: string;
      /** items per page, at most 1000 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<PlaybackSessionList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/sessions' }, input, options);
  }

  /** Returns what a stream holds in memory: its GOP buffer and its live playlist. */
  getStreamBuffer(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamBuffer> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/buffer' }, input, options);
  }

  /** Returns the clocks of a stream: runs with their UTC offset, skew, drift, order of audio and video. */
  getStreamSync(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamSync> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/sync' }, input, options);
  }

  /** Returns the codec configurations of a stream: parameter sets and their fields. */
  getStreamParameters(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamParameters> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/parameters' }, input, options);
  }

  /** Returns how full the queues of a stream are, their bounds, and what its sinks lost. */
  getStreamBackpressure(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamBackpressure> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/backpressure' }, input, options);
  }

  /** Returns the interruptions of a stream: gaps, reconnects, switches and losses, with their causes. */
  getStreamRecovery(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamRecovery> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/recovery' }, input, options);
  }

  /** Returns a picture of a stream now, as JPEG: the newest one that is recorded. */
  getStreamPreview(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/preview', answer: 'file' }, input, options);
  }

  /** Returns the last key frame of a stream, as a picture or as it was sent. */
  getStreamIframe(
    input: {
      /** Name of a stream. */
      name: string;
      format?: 'jpeg' | 'raw';
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/iframe', answer: 'file' }, input, options);
  }

  /** Probes a source URL: its protocol, tracks and qualities, and how far back it goes. The URL itself may be private; private addresses that it redirects or links to must be in `net.allow`. */
  probe(
    input: {
      body: ProbeRequest;
    },
    options?: CallOptions,
  ): Promise<ProbeView> {
    return this.#request({ method: 'POST', path: '/api/v1/probe' }, input, options);
  }

  /** Returns the timeline of a time range: recorded media, gaps with their causes, offline times, markers and pins. */
  getStreamTimeline(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: a day before `to`. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. Default: now. */
      to?: string;
      /** Resolution in seconds: shorter items may be merged, with their sums kept. Default: only merged where there are too many. From 600, windows are omitted. */
      res?: string;
    },
    options?: CallOptions,
  ): Promise<TimelineView> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/timeline' }, input, options);
  }

  /** Returns the bitrate and the change of the picture in a time range, step by step: they rise where much happens. */
  getStreamActivity(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: a day before `to`. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. Default: now. */
      to?: string;
      /** Length of a step in seconds, at least 5. Default: at most 1,000 steps for the range; always at most 2,000. */
      res?: string;
    },
    options?: CallOptions,
  ): Promise<ActivityView> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/activity' }, input, options);
  }

  /** Lists the gaps of a time range, oldest first, each with its cause. */
  listStreamGaps(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: a day before `to`. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. Default: now. */
      to?: string;
    },
    options?: CallOptions,
  ): Promise<GapList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/gaps' }, input, options);
  }

  /** Lists the markers of a stream, oldest first, 1000 per page. */
  listStreamMarkers(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: all markers. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. */
      to?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<MarkerList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/markers' }, input, options);
  }

  /** Creates a marker at an instant. */
  createStreamMarker(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewMarker;
    },
    options?: CallOptions,
  ): Promise<MarkerView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/markers' }, input, options);
  }

  /** Deletes a marker. */
  deleteStreamMarker(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/markers/{id}' }, input, options);
  }

  /** Lists the pins of a stream, oldest first. */
  listStreamPins(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<PinList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/pins' }, input, options);
  }

  /** Pins a time range: retention keeps every ten-minute window that it overlaps. */
  createStreamPin(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewPin;
    },
    options?: CallOptions,
  ): Promise<PinView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/pins' }, input, options);
  }

  /** Deletes a pin. The next retention pass deletes expired media that it kept. */
  deleteStreamPin(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/pins/{id}' }, input, options);
  }

  /** Deletes a range of a recording for good: every segment that overlaps it, from files, copies, exports, clips and edges. 202: it is gone for viewers, and work is left. */
  deleteStreamRecordings(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. */
      from: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. */
      to: string;
      /** `true`: nothing is deleted; the answer says what would be. */
      dryRun?: 'true' | 'false';
      /** `keep`: assets made of the range refuse the deletion; `delete`: they are deleted for good. */
      assets?: 'keep' | 'delete';
    },
    options?: CallOptions,
  ): Promise<DeletionView> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/recordings' }, input, options);
  }

  /** Lists deletions of recorded ranges, newest first, also of streams that were removed. */
  listDeletions(
    input?: {
      /** Name of a stream. */
      stream?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
      /** at most 999; default: 100 */
      limit?: string;
    },
    options?: CallOptions,
  ): Promise<DeletionList> {
    return this.#request({ method: 'GET', path: '/api/v1/deletions' }, input, options);
  }

  /** Returns a deletion with what is left to do. */
  getDeletion(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<DeletionView> {
    return this.#request({ method: 'GET', path: '/api/v1/deletions/{id}' }, input, options);
  }

  /** Lists the legal holds of all streams. */
  listHolds(options?: CallOptions): Promise<HoldList> {
    return this.#request({ method: 'GET', path: '/api/v1/holds' }, undefined, options);
  }

  /** Lists the legal holds of a stream, oldest first. */
  listStreamHolds(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<HoldList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/holds' }, input, options);
  }

  /** Sets a legal hold: until it is lifted, neither retention nor a request deletes the ten-minute windows that it overlaps. */
  createStreamHold(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewHold;
    },
    options?: CallOptions,
  ): Promise<HoldView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/holds' }, input, options);
  }

  /** Lifts a legal hold. The next retention pass deletes expired media that it kept. */
  deleteStreamHold(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/holds/{id}' }, input, options);
  }

  /** Lists purges of the edges in `edges.urls`, newest first, with the edges that have confirmed: of what was deleted or closed to others since the start. */
  listEdgePurges(
    input?: {
      /** Name of a stream. */
      stream?: string;
      /** its id */
      asset?: string;
      /** its id */
      clip?: string;
    },
    options?: CallOptions,
  ): Promise<EdgePurgeList> {
    return this.#request({ method: 'GET', path: '/api/v1/edge-purges' }, input, options);
  }

  /** Lists clips, newest first: for everyone the public ones, for an owner its own too, for administrators all. */
  listClips(
    input?: {
      /** only clips of this stream */
      stream?: string;
      /** clips per page, 50 if not given, at most 200 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<ClipList> {
    return this.#request({ method: 'GET', path: '/api/v1/clips' }, input, options);
  }

  /** Creates a clip of at most an hour of a stream that the caller may watch. Retention keeps its media while it exists. */
  createClip(
    input: {
      body: NewClip;
    },
    options?: CallOptions,
  ): Promise<ClipView> {
    return this.#request({ method: 'POST', path: '/api/v1/clips' }, input, options);
  }

  /** Returns a clip with the addresses of its media. */
  getClip(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<ClipView> {
    return this.#request({ method: 'GET', path: '/api/v1/clips/{id}' }, input, options);
  }

  /** Changes title or visibility of a clip, for its owner and administrators. */
  updateClip(
    input: {
      id: string;
      body: ClipPatch;
    },
    options?: CallOptions,
  ): Promise<ClipView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/clips/{id}' }, input, options);
  }

  /** Deletes a clip, for its owner and administrators. Retention then deletes what only the clip kept. */
  deleteClip(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/clips/{id}' }, input, options);
  }

  /** Lists assets, newest first: for everyone the public ones, for an owner its own too, for administrators all. */
  listAssets(
    input?: {
      /** words of title, description, tags and file name, or their beginnings */
      query?: string;
      tag?: string;
      state?: 'uploading' | 'processing' | 'ready' | 'failed';
      owner?: string;
      visibility?: 'public' | 'unlisted' | 'private';
      /** those in the trash */
      trash?: 'true' | 'false';
      /** with `-`: newest or largest first. Default: `-created` */
      sort?: 'created' | '-created' | 'title' | '-title' | 'duration' | '-duration' | 'bytes' | '-bytes';
      /** assets per page, at most 200 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<AssetList> {
    return this.#request({ method: 'GET', path: '/api/v1/assets' }, input, options);
  }

  /** Keeps a range of a recording as an asset, without copying its media: retention spares it while the asset exists. */
  createAsset(
    input: {
      body: NewRecordedAsset;
    },
    options?: CallOptions,
  ): Promise<AssetView> {
    return this.#request({ method: 'POST', path: '/api/v1/assets' }, input, options);
  }

  /** Returns an asset with its renditions and the addresses of its media. */
  getAsset(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<AssetView> {
    return this.#request({ method: 'GET', path: '/api/v1/assets/{id}' }, input, options);
  }

  /** Changes title, description, tags, visibility or poster of an asset, for its owner and administrators. */
  updateAsset(
    input: {
      id: string;
      body: AssetPatch;
    },
    options?: CallOptions,
  ): Promise<AssetView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/assets/{id}' }, input, options);
  }

  /** Moves an asset to the trash, for its owner and administrators. It can be restored until `library.trash` has passed. */
  deleteAsset(
    input: {
      id: string;
      /** delete it for good, at once */
      purge?: 'true' | 'false';
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/assets/{id}' }, input, options);
  }

  /** Takes an asset out of the trash, for its owner and administrators. */
  restoreAsset(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<AssetView> {
    return this.#request({ method: 'POST', path: '/api/v1/assets/{id}/restore' }, input, options);
  }

  /** Removes subtitles from an asset, for its owner and administrators; the original keeps those that are in it. */
  deleteAssetSubtitle(
    input: {
      id: string;
      subtitle: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/assets/{id}/subtitles/{subtitle}' }, input, options);
  }

  /** Starts the export of a range of a recording to one file. Location is the address of the job. */
  createExport(
    input: {
      body: ExportSettings;
    },
    options?: CallOptions,
  ): Promise<ExportJob> {
    return this.#request({ method: 'POST', path: '/api/v1/exports' }, input, options);
  }

  /** Downloads the file of an export, whole or by range. */
  getExportFile(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/exports/{id}/file', answer: 'file' }, input, options);
  }

  /** Creates an address from which a browser can download the file without credentials, for 15 minutes. */
  createExportTicket(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<ExportTicket> {
    return this.#request({ method: 'POST', path: '/api/v1/exports/{id}/tickets' }, input, options);
  }

  /** Downloads the file of an export with a ticket, whole or by range. */
  getDownload(
    input: {
      ticket: string;
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/downloads/{ticket}', answer: 'file' }, input, options);
  }

  /** Lists jobs, newest first, by default 200 per page. */
  listJobs(
    input?: {
      /** items per page, at most 1000 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
      kind?: string;
      state?: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
      /** e.g. the id of an asset */
      subject?: string;
    },
    options?: CallOptions,
  ): Promise<JobList> {
    return this.#request({ method: 'GET', path: '/api/v1/jobs' }, input, options);
  }

  /** Returns the state, progress and result of a job. */
  getJob(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<JobView> {
    return this.#request({ method: 'GET', path: '/api/v1/jobs/{id}' }, input, options);
  }

  /** Cancels a job. Removes a finished job and its file. */
  deleteJob(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<JobView> {
    return this.#request({ method: 'DELETE', path: '/api/v1/jobs/{id}' }, input, options);
  }

  /** Queues a failed or cancelled job again. */
  retryJob(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<JobView> {
    return this.#request({ method: 'POST', path: '/api/v1/jobs/{id}/retry' }, input, options);
  }

  /** Lists the workers with their state, slots, running jobs and facts. */
  listWorkers(options?: CallOptions): Promise<WorkerList> {
    return this.#request({ method: 'GET', path: '/api/v1/workers' }, undefined, options);
  }

  /** Registers a worker. */
  createWorker(
    input: {
      body: NewWorker;
    },
    options?: CallOptions,
  ): Promise<WorkerRegistration> {
    return this.#request({ method: 'POST', path: '/api/v1/workers' }, input, options);
  }

  /** Gives a worker no further jobs. It finishes those that it runs, and ends. */
  deleteWorker(
    input: {
      id: string;
      /** sent by the worker itself when it ends */
      leaves?: 'true';
    },
    options?: CallOptions,
  ): Promise<WorkerView> {
    return this.#request({ method: 'DELETE', path: '/api/v1/workers/{id}' }, input, options);
  }

  /** Sends a push worker its jobs as they are assigned, one per line. */
  getWorkerJobs(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<string> {
    return this.#request({ method: 'GET', path: '/api/v1/workers/{id}/jobs' }, input, options);
  }

  /** Leases the next job to a pull worker; waits for one. */
  createWorkerClaim(
    input: {
      id: string;
      body: JobClaim;
    },
    options?: CallOptions,
  ): Promise<JobOffer> {
    return this.#request({ method: 'POST', path: '/api/v1/workers/{id}/claims' }, input, options);
  }

  /** Extends the leases of all jobs of a worker and stores their progress. */
  heartbeatWorker(
    input: {
      id: string;
      body: WorkerHeartbeat;
    },
    options?: CallOptions,
  ): Promise<HeartbeatAnswer> {
    return this.#request({ method: 'POST', path: '/api/v1/workers/{id}/heartbeat' }, input, options);
  }

  /** Sends an input of a job to its worker, whole or by range. The header Oxbow-Lease has the token of the lease. */
  getJobInput(
    input: {
      id: string;
      /** with `~` in place of `/` */
      name: string;
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/jobs/{id}/inputs/{name}', answer: 'file' }, input, options);
  }

  /** Stores an output of a job as it arrives. The header Oxbow-Lease has the token of the lease. */
  replaceJobOutput(
    input: {
      id: string;
      /** with `~` in place of `/` */
      name: string;
      /** A file whose `type` is one of: application/octet-stream. */
      body: Blob;
    },
    options?: CallOptions,
  ): Promise<StoredOutput> {
    return this.#request({ method: 'PUT', path: '/api/v1/jobs/{id}/outputs/{name}' }, input, options);
  }

  /** Ends a job with its result. The same token again gets the same answer. */
  resultJob(
    input: {
      id: string;
      body: JobResult;
    },
    options?: CallOptions,
  ): Promise<JobView> {
    return this.#request({ method: 'POST', path: '/api/v1/jobs/{id}/result' }, input, options);
  }

  /** Ends a try with an error: the job waits for another try, or has failed. */
  failureJob(
    input: {
      id: string;
      body: JobFailureReport;
    },
    options?: CallOptions,
  ): Promise<JobView> {
    return this.#request({ method: 'POST', path: '/api/v1/jobs/{id}/failure' }, input, options);
  }

  /** Gives a job back that did not fail, e.g. because its worker ends. The header Oxbow-Lease has the token. */
  deleteJobLease(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/jobs/{id}/lease' }, input, options);
  }

  /** Lists uploads that did not expire, newest first: those of the token, or all for an administrator. */
  listUploads(options?: CallOptions): Promise<UploadList> {
    return this.#request({ method: 'GET', path: '/api/v1/uploads' }, undefined, options);
  }

  /** Begins an upload in chunks. */
  initUpload(
    input: {
      body: ChunkInit;
    },
    options?: CallOptions,
  ): Promise<ChunkStatus> {
    return this.#request({ method: 'POST', path: '/api/v1/upload/init' }, input, options);
  }

  /** Completes an upload of which every chunk is stored. May be repeated. */
  completeUpload(
    input: {
      body: ChunkComplete;
    },
    options?: CallOptions,
  ): Promise<ChunkStatus> {
    return this.#request({ method: 'POST', path: '/api/v1/upload/complete' }, input, options);
  }

  /** Returns what is stored of an upload, also of one over tus: chunks, missing chunks, next byte. */
  getUploadStatus(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<ChunkStatus> {
    return this.#request({ method: 'GET', path: '/api/v1/upload/{id}/status' }, input, options);
  }

  /** Returns the sign-in methods of this browser. */
  getSignIn(options?: CallOptions): Promise<SignInMethods> {
    return this.#request({ method: 'GET', path: '/api/v1/sign-in' }, undefined, options);
  }

  /** Signs a browser in: by the name and password of an account, by the code of a one-time link, by the admin token, or without any on the computer where oxbow runs. The answer sets the session cookie. */
  createSession(
    input: {
      body: SignIn;
    },
    options?: CallOptions,
  ): Promise<SessionView> {
    return this.#request({ method: 'POST', path: '/api/v1/sessions' }, input, options);
  }

  /** Lists the browsers in which the caller is signed in, most recently used first; for administrators with `all` everyone’s. */
  listSessions(
    input?: {
      /** the sessions of everyone */
      all?: 'true';
    },
    options?: CallOptions,
  ): Promise<SessionList> {
    return this.#request({ method: 'GET', path: '/api/v1/sessions' }, input, options);
  }

  /** Signs a browser out; `current` is the session of the caller, `others` are all other ones of the caller. */
  deleteSession(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/sessions/{id}' }, input, options);
  }

  /** Creates a link that signs one browser in, once, within 15 minutes. */
  createSignInLink(options?: CallOptions): Promise<SignInLink> {
    return this.#request({ method: 'POST', path: '/api/v1/sign-in-links' }, undefined, options);
  }

  /** Lists the API tokens, oldest first, without their secrets: for administrators all, for users their own. */
  listTokens(options?: CallOptions): Promise<TokenList> {
    return this.#request({ method: 'GET', path: '/api/v1/tokens' }, undefined, options);
  }

  /** Creates an API token: scope `admin` has every permission, `view` may watch and read, `upload` may upload, `worker` may run jobs, `account` acts as its user without administration. */
  createToken(
    input: {
      body: NewToken;
    },
    options?: CallOptions,
  ): Promise<MadeToken> {
    return this.#request({ method: 'POST', path: '/api/v1/tokens' }, input, options);
  }

  /** Revokes an API token at once. */
  deleteToken(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/tokens/{id}' }, input, options);
  }

  /** Returns who the caller is, with session and permissions. */
  getMe(options?: CallOptions): Promise<MeView> {
    return this.#request({ method: 'GET', path: '/api/v1/me' }, undefined, options);
  }

  /** Changes the name of the caller. */
  updateMe(
    input: {
      body: MePatch;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/me' }, input, options);
  }

  /** Deletes the account or guest of the caller: sessions and tokens end, and what it wrote in rooms has no author any more. */
  deleteMe(
    input: {
      body: AccountDeletion;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/me' }, input, options);
  }

  /** Sets the password of the caller, signs all other browsers out, and ends the API tokens of the caller. */
  replaceMePassword(
    input: {
      body: PasswordChange;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'PUT', path: '/api/v1/me/password' }, input, options);
  }

  /** Returns everything that is stored about the caller, as one document. */
  getMeExport(options?: CallOptions): Promise<AccountExport> {
    return this.#request({ method: 'GET', path: '/api/v1/me/export' }, undefined, options);
  }

  /** Creates an account with a name and password, as the setting `accounts.signUp` permits, and signs the browser in. An account that has to be approved is `pending`, and no one is signed in; nor where an administrator creates the account of someone else. */
  createUser(
    input: {
      body: NewUser;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'POST', path: '/api/v1/users' }, input, options);
  }

  /** Lists the users and guests, by id. */
  listUsers(
    input?: {
      /** items per page, at most 1000 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
      /** part of the name or e-mail address */
      search?: string;
      role?: 'guest' | 'user' | 'admin';
      state?: 'active' | 'pending' | 'banned';
    },
    options?: CallOptions,
  ): Promise<UserList> {
    return this.#request({ method: 'GET', path: '/api/v1/users' }, input, options);
  }

  /** Admits a guest with a name, without an account, in this browser. A guest who sends it again is renamed. */
  createGuest(
    input: {
      body: NewGuest;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'POST', path: '/api/v1/guests' }, input, options);
  }

  /** Sends the browser to another service to sign in there. Of a user who is signed in, it links the service to the account. */
  getSignInByProvider(
    input: {
      /** name in the settings */
      provider: string;
      /** path of this site to return to */
      to?: string;
      /** code of an invitation */
      invitation?: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'GET', path: '/api/v1/sign-in/{provider}' }, input, options);
  }

  /** Takes the browser back from another service and signs it in; the answer is a page that leads on. */
  getSignInCallback(
    input: {
      /** name in the settings */
      provider: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'GET', path: '/api/v1/sign-in/{provider}/callback' }, input, options);
  }

  /** Unlinks a service from the account of the caller, who keeps at least one way to sign in. */
  deleteMeIdentity(
    input: {
      /** name in the settings */
      provider: string;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'DELETE', path: '/api/v1/me/identities/{provider}' }, input, options);
  }

  /** Sends a link to set a new password to the confirmed address of an account. The answer is the same if no account has the address. */
  createPasswordReset(
    input: {
      body: MailRecipient;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/password-resets' }, input, options);
  }

  /** Sets a new password by the code of a link, signs the user out everywhere, and ends the API tokens of the user. */
  completePasswordResets(
    input: {
      body: NewPasswordByCode;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'POST', path: '/api/v1/password-resets/complete' }, input, options);
  }

  /** Creates a link to set a new password, for an administrator to pass on. It works once, within an hour. */
  createUserPasswordReset(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<PasswordResetLink> {
    return this.#request({ method: 'POST', path: '/api/v1/users/{id}/password-resets' }, input, options);
  }

  /** Sends a link to confirm an address. A confirmed address of the caller stays until the link is opened. */
  replaceMeEmail(
    input: {
      body: MailRecipient;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'PUT', path: '/api/v1/me/email' }, input, options);
  }

  /** Removes the address of the caller. */
  deleteMeEmail(options?: CallOptions): Promise<UserView> {
    return this.#request({ method: 'DELETE', path: '/api/v1/me/email' }, undefined, options);
  }

  /** Confirms an address by the code of a link. */
  createEmailVerification(
    input: {
      body: EmailVerification;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'POST', path: '/api/v1/email-verifications' }, input, options);
  }

  /** Sends the code of an invitation, as `POST /api/v1/invitations` has returned it, to an address. */
  createMailInvitation(
    input: {
      body: InvitationMail;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/mail/invitations' }, input, options);
  }

  /** Sends a test message, and waits until the mail server has accepted it. */
  testMail(
    input: {
      body: MailRecipient;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/mail/test' }, input, options);
  }

  /** Returns a user. */
  getUser(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'GET', path: '/api/v1/users/{id}' }, input, options);
  }

  /** Approves, bans or renames a user, gives another role, or sets a password. A ban and a new password sign the user out everywhere and end the API tokens of the user. */
  updateUser(
    input: {
      id: string;
      body: UserPatch;
    },
    options?: CallOptions,
  ): Promise<UserView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/users/{id}' }, input, options);
  }

  /** Deletes a user: sessions and tokens end, and what the user wrote in rooms has no author any more. */
  deleteUser(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/users/{id}' }, input, options);
  }

  /** Lists the invitations that can be used, oldest first, without their codes. */
  listInvitations(options?: CallOptions): Promise<InvitationList> {
    return this.#request({ method: 'GET', path: '/api/v1/invitations' }, undefined, options);
  }

  /** Creates an invitation, with which someone creates an account. */
  createInvitation(
    input: {
      body: NewInvitation;
    },
    options?: CallOptions,
  ): Promise<MadeInvitation> {
    return this.#request({ method: 'POST', path: '/api/v1/invitations' }, input, options);
  }

  /** Revokes an invitation at once. */
  deleteInvitation(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/invitations/{id}' }, input, options);
  }

  /** Lists who did what, newest first: requests that may change something, and failed sign-ins. */
  listAudit(
    input?: {
      /** lines per page, at most 200, or 10000 with `format=jsonl` */
      limit?: string;
      /** `nextCursor` of the page before */
      cursor?: string;
      /** only this action, e.g. `createRoom` */
      action?: string;
      /** only requests to this path and to all below it, e.g. `/streams/door`, with or without `/api/v1` */
      target?: string;
      /** only lines from then on: Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. */
      from?: string;
      /** only lines before then */
      to?: string;
      /** `jsonl`: one line of JSON each, as a file; the header `Oxbow-Next-Cursor` has the cursor of the rest */
      format?: 'json' | 'jsonl';
      /** only of this user, by id */
      user?: string;
    },
    options?: CallOptions,
  ): Promise<AuditList> {
    return this.#request({ method: 'GET', path: '/api/v1/audit' }, input, options);
  }

  /** Lists what the caller did, newest first. */
  listMeAudit(
    input?: {
      /** lines per page, at most 200 */
      limit?: string;
      /** `nextCursor` of the page before */
      cursor?: string;
      /** only this action, e.g. `createRoom` */
      action?: string;
    },
    options?: CallOptions,
  ): Promise<AuditList> {
    return this.#request({ method: 'GET', path: '/api/v1/me/audit' }, input, options);
  }

  /** Creates a link with a playback token for a stream that the caller may watch without one: valid for 366 days at most, for a private stream and for users 24 h. */
  createStreamWatchToken(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewWatchToken;
    },
    options?: CallOptions,
  ): Promise<WatchToken> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/watch-tokens' }, input, options);
  }

  /** Revokes all playback tokens of a stream at once. */
  revokeStreamWatchTokens(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/watch-tokens/revoke' }, input, options);
  }

  /** Returns the addresses to publish a stream to, with the word KEY in place of a key. */
  getStreamPublish(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<PublishAddresses> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/publish' }, input, options);
  }

  /** Lists the keys of a stream, oldest first, without their secrets. */
  listStreamKeys(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<PublishKeyList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/keys' }, input, options);
  }

  /** Creates a key with which a publisher may publish to a stream, and returns the fields for its encoder. */
  createStreamKey(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewPublishKey;
    },
    options?: CallOptions,
  ): Promise<CreatedPublishKey> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/keys' }, input, options);
  }

  /** Creates a key with the settings of another one, which expires after the overlap. */
  rotateStreamKey(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
      body: RotateKey;
    },
    options?: CallOptions,
  ): Promise<CreatedPublishKey> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/keys/{id}/rotate' }, input, options);
  }

  /** Revokes a key at once. A publisher that uses it is disconnected. */
  deleteStreamKey(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/keys/{id}' }, input, options);
  }

  /** Lists the keys for names with a prefix, oldest first, without their secrets. */
  listPublishKeys(options?: CallOptions): Promise<PublishKeyList> {
    return this.#request({ method: 'GET', path: '/api/v1/publish-keys' }, undefined, options);
  }

  /** Creates a key for all streams whose names begin with a prefix. The first publish to such a name creates the stream. */
  createPublishKey(
    input: {
      body: NewPrefixKey;
    },
    options?: CallOptions,
  ): Promise<CreatedPublishKey> {
    return this.#request({ method: 'POST', path: '/api/v1/publish-keys' }, input, options);
  }

  /** Creates a key with the settings of another one for a prefix, which expires after the overlap. */
  rotatePublishKey(
    input: {
      id: string;
      body: RotateKey;
    },
    options?: CallOptions,
  ): Promise<CreatedPublishKey> {
    return this.#request({ method: 'POST', path: '/api/v1/publish-keys/{id}/rotate' }, input, options);
  }

  /** Revokes a key for a prefix at once. Publishers that use it are disconnected. */
  deletePublishKey(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/publish-keys/{id}' }, input, options);
  }

  /** Lists the relays of a stream with their states: those of the configuration, then the others, oldest first. */
  listStreamRelays(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<RelayList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/relays' }, input, options);
  }

  /** Adds a relay: the stream is sent to the target whenever it is live. */
  createStreamRelay(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewRelay;
    },
    options?: CallOptions,
  ): Promise<RelayView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/relays' }, input, options);
  }

  /** Enables or disables a relay, or changes its label. */
  updateStreamRelay(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
      body: RelayPatch;
    },
    options?: CallOptions,
  ): Promise<RelayView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/streams/{name}/relays/{id}' }, input, options);
  }

  /** Deletes a relay; it disconnects at once. */
  deleteStreamRelay(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/relays/{id}' }, input, options);
  }

  /** Lists the RTP sessions of a stream, oldest first. */
  listStreamRtp(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<RtpSessionList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/rtp' }, input, options);
  }

  /** Opens an RTP session: ports for the media of an SDP, to which a sender publishes the stream. It ends after 10 s without packets, or 60 s before the first one. */
  rtpStream(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewRtpSession;
    },
    options?: CallOptions,
  ): Promise<RtpSessionView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/rtp' }, input, options);
  }

  /** Ends an RTP session. */
  deleteStreamRtp(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/rtp/{id}' }, input, options);
  }

  /** Lists the webhooks, oldest first. */
  listWebhooks(
    input?: {
      /** items per page, at most 1000 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<WebhookList> {
    return this.#request({ method: 'GET', path: '/api/v1/webhooks' }, input, options);
  }

  /** Creates a webhook. Only this answer shows its secret. */
  createWebhook(
    input: {
      body: WebhookSettings;
    },
    options?: CallOptions,
  ): Promise<NewWebhookView> {
    return this.#request({ method: 'POST', path: '/api/v1/webhooks' }, input, options);
  }

  /** Returns a webhook. */
  getWebhook(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<WebhookView> {
    return this.#request({ method: 'GET', path: '/api/v1/webhooks/{id}' }, input, options);
  }

  /** Replaces the settings of a webhook and enables it. Its secret is kept unless the body has another. */
  replaceWebhook(
    input: {
      id: string;
      body: WebhookSettings;
    },
    options?: CallOptions,
  ): Promise<WebhookView> {
    return this.#request({ method: 'PUT', path: '/api/v1/webhooks/{id}' }, input, options);
  }

  /** Removes a webhook and its waiting deliveries. */
  deleteWebhook(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/webhooks/{id}' }, input, options);
  }

  /** Lists the newest 50 deliveries, newest first, with their results. */
  listWebhookDeliveries(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<DeliveryList> {
    return this.#request({ method: 'GET', path: '/api/v1/webhooks/{id}/deliveries' }, input, options);
  }

  /** Sends an event `webhook.test` at once and returns the result. */
  testWebhook(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<WebhookTestView> {
    return this.#request({ method: 'POST', path: '/api/v1/webhooks/{id}/test' }, input, options);
  }

  /** Lists rooms, those used last first. */
  listRooms(
    input?: {
      /** default: `public` */
      scope?: 'public' | 'mine' | 'joined';
      /** a part of the name */
      search?: string;
      /** rooms; default 50 */
      limit?: string;
      /** `nextCursor` of the answer before */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<RoomList> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms' }, input, options);
  }

  /** Creates a room. `rooms.create` says who may. */
  createRoom(
    input: {
      body: NewRoom;
    },
    options?: CallOptions,
  ): Promise<RoomView> {
    return this.#request({ method: 'POST', path: '/api/v1/rooms' }, input, options);
  }

  /** Returns a room; its id is not listed anywhere if it is unlisted. */
  getRoom(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<RoomView> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms/{id}' }, input, options);
  }

  /** Changes a room. Needs the permission `editRoom`, for its password `setPassword`. */
  updateRoom(
    input: {
      id: string;
      body: RoomPatch;
    },
    options?: CallOptions,
  ): Promise<RoomView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/rooms/{id}' }, input, options);
  }

  /** Deletes a room with its playlist and its chat. Needs the permission `deleteRoom`. */
  deleteRoom(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/rooms/{id}' }, input, options);
  }

  /** Asks to enter a room: gives its password, once until it changes, and waits for approval where it is needed (`room-pending`). */
  joinRoom(
    input: {
      id: string;
      body: RoomJoin;
    },
    options?: CallOptions,
  ): Promise<MemberView> {
    return this.#request({ method: 'POST', path: '/api/v1/rooms/{id}/join' }, input, options);
  }

  /** Leaves a room: its connections end, and it is not in the list of joined rooms any more. An owner hands it over first, or deletes it (`room-owner`). */
  leaveRoom(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/rooms/{id}/leave' }, input, options);
  }

  /** Lists the people of a room, those who are in it first. Moderators also see who waits or is banned. */
  listRoomMembers(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<RoomMemberList> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms/{id}/members' }, input, options);
  }

  /** Changes a person: lets in or bans (`state`), mutes, changes role and permissions. Only people below oneself, and one gives no more than one has. */
  updateRoomMember(
    input: {
      id: string;
      user: string;
      body: RoomMemberPatch;
    },
    options?: CallOptions,
  ): Promise<MemberView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/rooms/{id}/members/{user}' }, input, options);
  }

  /** Sends a person out of a room, or refuses one who waits. They may come back. */
  deleteRoomMember(
    input: {
      id: string;
      user: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/rooms/{id}/members/{user}' }, input, options);
  }

  /** Lists the playlist of a room in its order. Needs the permission `list`. */
  listRoomItems(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<RoomItemList> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms/{id}/items' }, input, options);
  }

  /** Adds up to 200 entries to the playlist, in their order. Needs the permission `addItems`; streams and assets must be ones that their author may watch. */
  createRoomItem(
    input: {
      id: string;
      body: NewRoomItems;
    },
    options?: CallOptions,
  ): Promise<RoomItemList> {
    return this.#request({ method: 'POST', path: '/api/v1/rooms/{id}/items' }, input, options);
  }

  /** Removes all entries. Entries of others need the permission `deleteItems`. */
  deleteRoomItems(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/rooms/{id}/items' }, input, options);
  }

  /** Changes name, target or place of an entry. Entries of others need the permission `editItems`. */
  updateRoomItem(
    input: {
      id: string;
      item: string;
      body: RoomItemPatch;
    },
    options?: CallOptions,
  ): Promise<RoomItem> {
    return this.#request({ method: 'PATCH', path: '/api/v1/rooms/{id}/items/{item}' }, input, options);
  }

  /** Removes an entry, a folder with everything in it. Entries of others need the permission `deleteItems`. */
  deleteRoomItem(
    input: {
      id: string;
      item: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/rooms/{id}/items/{item}' }, input, options);
  }

  /** Moves entries into a folder, before an entry or to its end. Entries of others need the permission `editItems`. */
  moveRoomItems(
    input: {
      id: string;
      body: RoomItemMove;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/rooms/{id}/items/move' }, input, options);
  }

  /** Returns what plays in a room, and where it is now. */
  getRoomState(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<RoomStateNow> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms/{id}/state' }, input, options);
  }

  /** Plays, pauses, seeks, changes the speed or the entry, for everyone in the room. `rev` is that of the state which its author saw; `state-stale` if it has changed. */
  createRoomCommand(
    input: {
      id: string;
      body: RoomCommand;
    },
    options?: CallOptions,
  ): Promise<RoomStateNow> {
    return this.#request({ method: 'POST', path: '/api/v1/rooms/{id}/commands' }, input, options);
  }

  /** Returns the history of the chat of a room, oldest first, without danmaku. */
  listRoomMessages(
    input: {
      id: string;
      /** messages with lower numbers (`seq`); default: the newest */
      before?: string;
      /** messages, at most 500; default 100 */
      limit?: string;
    },
    options?: CallOptions,
  ): Promise<RoomHistoryPage> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms/{id}/messages' }, input, options);
  }

  /** Returns the chat and danmaku of a stretch of media, in its order. What was written to a stream is returned for each entry that plays it. */
  listRoomReplay(
    input: {
      id: string;
      /** id of the entry of the playlist */
      item: string;
      /** ms: UTC in streams and ranges of them, from the start otherwise */
      from: string;
      /** ms; messages at exactly this position are not returned */
      to: string;
      /** messages, at most 500; default 100 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<RoomReplayPage> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms/{id}/replay' }, input, options);
  }

  /** Lists the polls of a room, oldest first. */
  listRoomPolls(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<RoomPollList> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms/{id}/polls' }, input, options);
  }

  /** Creates a poll. Needs the permission `createPolls` in the room. */
  createRoomPoll(
    input: {
      id: string;
      body: NewRoomPoll;
    },
    options?: CallOptions,
  ): Promise<RoomPoll> {
    return this.#request({ method: 'POST', path: '/api/v1/rooms/{id}/polls' }, input, options);
  }

  /** Closes a poll; votes are final. For its author and moderators. */
  closeRoomPoll(
    input: {
      id: string;
      poll: string;
    },
    options?: CallOptions,
  ): Promise<RoomPoll> {
    return this.#request({ method: 'POST', path: '/api/v1/rooms/{id}/polls/{poll}/close' }, input, options);
  }

  /** Deletes a poll with its votes. For its author and moderators. */
  deleteRoomPoll(
    input: {
      id: string;
      poll: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/rooms/{id}/polls/{poll}' }, input, options);
  }

  /** Lists the media servers that the caller has connected, oldest first. */
  listMediaServers(options?: CallOptions): Promise<MediaServerList> {
    return this.#request({ method: 'GET', path: '/api/v1/media-servers' }, undefined, options);
  }

  /** Connects a media server: signs in there and keeps the sign-in, encrypted. Private addresses need `net.allow`. */
  createMediaServer(
    input: {
      body: NewMediaServer;
    },
    options?: CallOptions,
  ): Promise<MediaServerView> {
    return this.#request({ method: 'POST', path: '/api/v1/media-servers' }, input, options);
  }

  /** Renames a media server, or signs in there again; entries of it in playlists stay. */
  updateMediaServer(
    input: {
      id: string;
      body: MediaServerPatch;
    },
    options?: CallOptions,
  ): Promise<MediaServerView> {
    return this.#request({ method: 'PATCH', path: '/api/v1/media-servers/{id}' }, input, options);
  }

  /** Forgets a media server; entries of it in playlists no longer play. */
  deleteMediaServer(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/media-servers/{id}' }, input, options);
  }

  /** Lists a folder of a media server of the caller. */
  listMediaServerEntries(
    input: {
      id: string;
      /** id of an entry; default: the top */
      folder?: string;
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<MediaServerEntryList> {
    return this.#request({ method: 'GET', path: '/api/v1/media-servers/{id}/entries' }, input, options);
  }

  /** Returns where a player loads an entry from that is a link or an entry of a media server, with its subtitles. Needs the permission `list`, except for the entry that plays. */
  getRoomItemSource(
    input: {
      id: string;
      item: string;
    },
    options?: CallOptions,
  ): Promise<ItemSource> {
    return this.#request({ method: 'GET', path: '/api/v1/rooms/{id}/items/{item}/source' }, input, options);
  }

  /** Returns the server's time, so that players can measure the offset of their clock. */
  getTime(options?: CallOptions): Promise<TimeView> {
    return this.#request({ method: 'GET', path: '/api/v1/time' }, undefined, options);
  }

  /** Returns version, memory, disk and number of streams. */
  getSystem(options?: CallOptions): Promise<SystemView> {
    return this.#request({ method: 'GET', path: '/api/v1/system' }, undefined, options);
  }

  /** Lists the nodes of the cluster with their state and the number of things that each owns; empty without a cluster. */
  listNodes(options?: CallOptions): Promise<NodeList> {
    return this.#request({ method: 'GET', path: '/api/v1/nodes' }, undefined, options);
  }

  /** Forgets a dead node that owns nothing. Its files are not touched; a node that starts again is known again. */
  deleteNode(
    input: {
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/nodes/{name}' }, input, options);
  }

  /** Returns the state of the recordings disk: free space, growth, and when it will be full. */
  getStorage(options?: CallOptions): Promise<StorageView> {
    return this.#request({ method: 'GET', path: '/api/v1/storage' }, undefined, options);
  }

  /** Lists the effective settings, each with its origin and whether a change needs a restart; without secrets. */
  listSettings(options?: CallOptions): Promise<SettingList> {
    return this.#request({ method: 'GET', path: '/api/v1/settings' }, undefined, options);
  }

  /** Sets settings by their paths, as in a file: `{"record.keep":"7d"}`; `null`: the default again. Only those with `settable`. All are set, or none. They are stored in the database, and apply at once, on every node. */
  updateSettings(
    input: {
      body: SettingTexts;
    },
    options?: CallOptions,
  ): Promise<SettingList> {
    return this.#request({ method: 'PATCH', path: '/api/v1/settings' }, input, options);
  }

  /** Returns the last lines of the log, oldest first, at most 2,000. `level` is the lowest level returned. */
  listLogs(
    input?: {
      level?: LogLevelView;
      /** only lines about this stream */
      stream?: string;
      /** only lines that contain this text, in either case */
      text?: string;
      /** `id` of a line: only lines after it */
      after?: string;
    },
    options?: CallOptions,
  ): Promise<LogList> {
    return this.#request({ method: 'GET', path: '/api/v1/logs' }, input, options);
  }

  /** Adds subtitles to an asset, for its owner and administrators: SubRip, WebVTT or ASS of at most 4 MiB, as the body. A file with the same language, title and purpose replaces the one that was added before. */
  createAssetSubtitle(
    input: {
      id: string;
      /** BCP 47, e.g. `de` or `zh-Hans`; `und` when unknown */
      language: string;
      /** for the menu of players; default: the language */
      title?: string;
      /** default: `false` */
      default?: 'true' | 'false';
      /** default: `false` */
      forced?: 'true' | 'false';
      /** character set of the file, e.g. `windows-1251`; default: found by content */
      charset?: string;
      /** A file whose `type` is one of: text/vtt, application/x-subrip, text/x-ssa, text/plain, application/octet-stream. */
      body: Blob;
    },
    options?: CallOptions,
  ): Promise<AssetSubtitleView> {
    return this.#request({ method: 'POST', path: '/api/v1/assets/{id}/subtitles' }, input, options);
  }

  /** Uploads a file in one request: the body is the file, or a form with one. */
  replaceUploadsFile(
    input: {
      /** name of the file; no path */
      filename?: string;
      title?: string;
      description?: string;
      /** separated by commas */
      tags?: string;
      /** default: `private` */
      visibility?: 'public' | 'unlisted' | 'private';
      /** SHA-256 of the file, hexadecimal or Base64 */
      sha256?: string;
      /** A file whose `type` is one of: application/octet-stream, video/mp4, multipart/form-data. */
      body: Blob;
    },
    options?: CallOptions,
  ): Promise<UploadView> {
    return this.#request({ method: 'PUT', path: '/api/v1/uploads/file' }, input, options);
  }

  /** Uploads a file in one request, as PUT does. */
  fileUploads(
    input: {
      /** name of the file; no path */
      filename?: string;
      title?: string;
      description?: string;
      /** separated by commas */
      tags?: string;
      /** default: `private` */
      visibility?: 'public' | 'unlisted' | 'private';
      /** SHA-256 of the file, hexadecimal or Base64 */
      sha256?: string;
      /** A file whose `type` is one of: application/octet-stream, video/mp4, multipart/form-data. */
      body: Blob;
    },
    options?: CallOptions,
  ): Promise<UploadView> {
    return this.#request({ method: 'POST', path: '/api/v1/uploads/file' }, input, options);
  }

  /** Stores a chunk: in a form with `upload_id`, `chunk_number`, `chunk` and perhaps `checksum`, or as the body. In any order, in parallel, repeatable. */
  replaceUploadChunk(
    input: {
      upload_id?: string;
      /** from 1 */
      chunk_number?: string;
      /** of the chunk: `sha256 BASE64`, or hexadecimal */
      checksum?: string;
      /** A file whose `type` is one of: multipart/form-data, application/octet-stream. */
      body: Blob;
    },
    options?: CallOptions,
  ): Promise<ChunkAnswer> {
    return this.#request({ method: 'PUT', path: '/api/v1/upload/chunk' }, input, options);
  }

  /** Stores a chunk, as PUT does. */
  chunkUpload(
    input: {
      upload_id?: string;
      /** from 1 */
      chunk_number?: string;
      /** of the chunk: `sha256 BASE64`, or hexadecimal */
      checksum?: string;
      /** A file whose `type` is one of: multipart/form-data, application/octet-stream. */
      body: Blob;
    },
    options?: CallOptions,
  ): Promise<ChunkAnswer> {
    return this.#request({ method: 'POST', path: '/api/v1/upload/chunk' }, input, options);
  }
}
