// Made by `npm run generate` from the sources; do not edit.

/**
 * The shapes of the API's requests and answers.
 * In: the schemas of the routes. Out: types only, no dependencies.
 */

/** The stable codes of problem documents. */
export type ProblemCode =
  | 'bad-request'
  | 'bad-time'
  | 'bad-duration'
  | 'bad-time-zone'
  | 'bad-name'
  | 'window-too-long'
  | 'unauthorized'
  | 'sign-in-refused'
  | 'host-refused'
  | 'cross-site'
  | 'watch-refused'
  | 'watch-expired'
  | 'proxy-refused'
  | 'forbidden'
  | 'address-refused'
  | 'not-found'
  | 'stream-unknown'
  | 'stream-offline'
  | 'no-media'
  | 'marker-unknown'
  | 'pin-unknown'
  | 'job-unknown'
  | 'asset-unknown'
  | 'asset-unfinished'
  | 'asset-deleted'
  | 'recording-in-use'
  | 'upload-unknown'
  | 'upload-offset'
  | 'upload-incomplete'
  | 'chunk-differs'
  | 'upload-expired'
  | 'upload-cancelled'
  | 'upload-too-large'
  | 'upload-locked'
  | 'checksum-mismatch'
  | 'quota-exceeded'
  | 'user-unknown'
  | 'user-name-taken'
  | 'bad-user-name'
  | 'bad-password'
  | 'sign-in-busy'
  | 'sign-up-closed'
  | 'guests-refused'
  | 'invitation-refused'
  | 'wrong-password'
  | 'invitation-unknown'
  | 'account-inactive'
  | 'own-account'
  | 'provider-unknown'
  | 'identity-refused'
  | 'identity-expired'
  | 'identity-unavailable'
  | 'identity-taken'
  | 'identity-unknown'
  | 'last-sign-in'
  | 'bad-email'
  | 'email-code-refused'
  | 'email-taken'
  | 'mail-off'
  | 'mail-failed'
  | 'room-unknown'
  | 'room-moved'
  | 'member-unknown'
  | 'item-unknown'
  | 'media-server-unknown'
  | 'media-server-refused'
  | 'room-full'
  | 'room-banned'
  | 'room-kicked'
  | 'room-password'
  | 'room-pending'
  | 'room-guests-off'
  | 'room-forbidden'
  | 'room-owner'
  | 'room-muted'
  | 'call-off'
  | 'call-unknown'
  | 'call-full'
  | 'call-pictures'
  | 'call-record'
  | 'call-direct'
  | 'at-live-edge'
  | 'state-stale'
  | 'clip-unknown'
  | 'clip-too-long'
  | 'clip-more-open'
  | 'clip-lost'
  | 'recording-held'
  | 'hold-unknown'
  | 'deletion-unknown'
  | 'webrtc-off'
  | 'bad-offer'
  | 'offer-refused'
  | 'webrtc-full'
  | 'rtp-off'
  | 'rtp-full'
  | 'session-unknown'
  | 'service-unavailable'
  | 'upgrade-failed'
  | 'storage-failed'
  | 'database-not-empty'
  | 'node-refused'
  | 'node-unknown'
  | 'node-alive'
  | 'node-not-empty'
  | 'alarm-unknown'
  | 'gone'
  | 'media-damaged'
  | 'stream-unopened'
  | 'webhook-unknown'
  | 'job-unfinished'
  | 'job-not-failed'
  | 'job-cancelled'
  | 'lease-lost'
  | 'worker-unknown'
  | 'worker-lost'
  | 'job-timeout'
  | 'message-unknown'
  | 'poll-unknown'
  | 'poll-closed'
  | 'muted'
  | 'slow-mode'
  | 'method-not-allowed'
  | 'stream-exists'
  | 'publisher-active'
  | 'publisher-replaced'
  | 'publish-refused'
  | 'publish-denied'
  | 'key-unknown'
  | 'relay-unknown'
  | 'relay-loop'
  | 'auth-unavailable'
  | 'limit-reached'
  | 'idempotency-key-in-use'
  | 'idempotency-key-reused'
  | 'managed-elsewhere'
  | 'precondition-failed'
  | 'too-many-requests'
  | 'token-unknown'
  | 'payload-too-large'
  | 'unsupported-media'
  | 'internal'
  | 'bad-source'
  | 'page-failed'
  | 'page-tool-missing'
  | 'busy'
  | 'source-failed'
  | 'edge-loop'
  | 'queue-full'
  | 'no-room'
  | 'not-ready'
  | 'disk-failed'
  | 'engine-failed'
  | 'part-timeout'
  | 'port-taken'
  | 'folder-unwritable'
  | 'data-in-use'
  | 'data-newer'
  | 'bad-backup'
  | 'bad-range'
  | 'bad-setting';

/** `StreamState` of the API. */
export type StreamState = 'starting' | 'live' | 'waiting' | 'unpublished' | 'offline' | 'ended' | 'paused' | 'stopped';

/** `LadderView` of the API. */
export type LadderView = {
  /** as it is set: `360p, 720p:2M, audio` */
  rungs: string;
  /** when the encoder of the ladder runs */
  start: 'viewer' | 'always';
  state: 'off' | 'starting' | 'waiting' | 'running' | 'stopped';
  /** how far the encoder was behind the source: 95 % of the pictures of the last ten seconds, no more */
  lagMs: number | null;
  /** lowest first; empty while there is no source */
  made: {
    /** as in the playlists, e.g. `720` */
    name: string;
    width: number;
    height: number;
    /** bits per second of the video */
    bitrate: number;
    state: 'starting' | 'live' | 'dropped';
  }[];
  /** heights that the source does not exceed */
  leftOut: number[];
  /** why qualities are missing, for a person; may be empty */
  problem: string;
};

/** `TrackView` of the API. */
export type TrackView = {
  id: number;
  kind: 'video' | 'audio' | 'text' | 'data';
  /** RFC 6381 */
  codecs: string;
  language: string;
  width?: number;
  height?: number;
  frameRate?: number;
  sampleRate?: number;
  channels?: number;
  /** name of the codec where `codecs` does not say it: `mp1` or `mp2`, which differ from MP3 */
  codec?: string;
  /** the codec that the publisher sends, e.g. `mp2` or `vp8`, if it is converted */
  convertedFrom?: string;
};

/** `SourceQuality` of the API. */
export type SourceQuality = {
  name: string;
  width?: number;
  height?: number;
  frameRate?: number;
  /** bits per second, as declared by the source */
  bandwidth?: number;
  /** RFC 6381 */
  codecs?: string;
};

/** `CaptionChannel` of the API. */
export type CaptionChannel = {
  /** `CC1` to `CC4`, or `SERVICE1` to `SERVICE63` */
  service: string;
  /** BCP 47, `und` if it is not known */
  language: string;
  name: string;
};

/** `LeftOutTrack` of the API. */
export type LeftOutTrack = {
  kind: 'video' | 'audio' | 'text' | 'program' | 'unknown';
  /** in words, e.g. `MPEG-2 video` or `DTS audio`; at most 120 characters */
  name: string;
};

/** `SourceFacts` of the API. */
export type SourceFacts = {
  protocol: 'hls' | 'mp4' | 'page' | 'test' | 'udp' | 'srt' | 'rtp' | 'rtsp' | 'whep';
  /** `mpegts`, `fmp4`, `mp4`, `packed-audio`; empty until a segment was read */
  container: string;
  /** may be empty */
  title: string;
  /** URL of a picture (pages only) */
  thumbnail?: string;
  /** false: the source has an end */
  live: boolean;
  /** duration of a source that has an end, seconds */
  durationS?: number;
  /** how far before the live edge the source offers media, seconds */
  backS?: number;
  qualities: SourceQuality[];
  /** name of the selected quality */
  chosen?: string;
  /** closed captions by the playlist of the source; empty if it says none */
  captions?: CaptionChannel[];
  /** unsupported tracks; absent if there are none */
  leftOut?: LeftOutTrack[];
};

/** `MediaRates` of the API. */
export type MediaRates = {
  /** bits per second of all tracks together */
  bitrate: number;
  frameRate: number | null;
  gopS: number | null;
};

/** `StreamView` of the API. */
export type StreamView = {
  name: string;
  state: StreamState;
  away?: true;
  problem: string;
  origin: 'api' | 'command-line' | 'configuration' | 'sample';
  source: {
    type: 'pull' | 'push' | 'test';
  };
  publisher: {
    /** `rtmp`, `srt`, `rtp`, `whip` */
    protocol: string;
    /** RFC 3339, UTC, milliseconds */
    since: string;
    /** number of standby publishers */
    standby: number;
  } | null;
  /** for viewers; if empty, the name is shown */
  title: string;
  /** a few sentences for viewers; may be empty */
  description: string;
  /** path of the picture on cards and link previews; another path when the picture changes; null for none */
  picture: string | null;
  record: boolean;
  /** how long its recordings are kept, e.g. `7d`; absent: the setting `record.keep` */
  keep?: string;
  /** object store of its recordings, or `local`; absent: the setting `storage.target` */
  storage?: string;
  /** changes of the rules of alarms; absent: none */
  alarms?: string;
  recordQualities?: boolean;
  qualities?: string[];
  ladder?: LadderView;
  visibility: 'public' | 'unlisted' | 'signed' | 'private';
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  liveSince: string | null;
  tracks: TrackView[];
  facts: SourceFacts | null;
  media: MediaRates | null;
  recorded: {
    from: string | null;
    to: string | null;
    seconds: number;
    bytes: number;
  };
  /** players that requested media or reported their session in the last 30 s, live and recorded */
  viewers: number;
  hls: string;
  dash: string;
};

/** `StreamList` of the API. */
export type StreamList = {
  items: StreamView[];
  nextCursor: string | null;
};

/** `ProblemView` of the API. */
export type ProblemView = {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  hint?: string;
  traceId: string;
  errors?: {
    pointer: string;
    message: string;
  }[];
};

/** `StreamSource` of the API. */
export type StreamSource =
  | {
      type: 'pull';
      url: string;
      /** by how much audio is presented later, e.g. `120ms`; at most 2 s, negative: earlier */
      audioOffset?: string;
      audio?: 'auto' | 'aac' | 'keep';
      /** a second address, read while `url` delivers no media */
      backup?: string;
      /** `best`, `worst`, a height as `720p`, a bitrate as `2M` */
      quality?: string;
      /** further variants of a playlist that become qualities of the stream: `best` (default) none, `all`, or heights as `720p, 480p` */
      qualities?: string;
      /** how far before the live edge recording starts, e.g. `30m` */
      from?: string;
      /** User-Agent, or the name of a preset: `vsr` */
      userAgent?: string;
      /** header fields sent to the source; never shown again */
      headers?: Readonly<Record<string, string>>;
    }
  | {
      type: 'push';
      onSecondPublisher?: 'refuse' | 'replace' | 'standby';
      /** what viewers see when the connection of the publisher is lost */
      whileAway?: 'nothing' | 'last-picture' | 'slate';
      /** how long, e.g. `30m`; default `10m`, at most 24 hours */
      awayLimit?: string;
      /** by how much audio is presented later, e.g. `120ms`; at most 2 s, negative: earlier */
      audioOffset?: string;
      audio?: 'auto' | 'aac' | 'keep';
      /** latency of SRT, e.g. `200ms`; default: the setting `srtLatency` */
      latency?: string;
      /** passphrase of SRT, 10 to 79 bytes; default: the setting `srtPassphrase`; never shown again */
      passphrase?: string;
    }
  | {
      type: 'test';
    };

/** `NewStream` of the API. */
export type NewStream = {
  /** Name of a stream. */
  name: string;
  source: StreamSource;
  /** for viewers, instead of the name */
  title?: string;
  /** a few sentences for viewers */
  description?: string;
  record?: boolean;
  /** how long recordings are kept, e.g. 7d */
  keep?: string;
  storage?: string | null;
  alarms?: string | null;
  visibility?: 'public' | 'unlisted' | 'signed' | 'private';
  ladder?: string | null;
  ladderStart?: 'viewer' | 'always' | null;
  recordQualities?: boolean | null;
};

/** `StreamSettings` of the API. */
export type StreamSettings = {
  source: StreamSource;
  /** for viewers, instead of the name */
  title?: string;
  /** a few sentences for viewers */
  description?: string;
  record?: boolean;
  /** how long recordings are kept, e.g. 7d */
  keep?: string;
  storage?: string | null;
  alarms?: string | null;
  visibility?: 'public' | 'unlisted' | 'signed' | 'private';
  ladder?: string | null;
  ladderStart?: 'viewer' | 'always' | null;
  recordQualities?: boolean | null;
};

/** only of sources of type `push`; latency, passphrase, audio offset and conversion apply to the next publisher */
export type PushSourcePatch = {
  onSecondPublisher?: 'refuse' | 'replace' | 'standby' | null;
  whileAway?: 'nothing' | 'last-picture' | 'slate' | null;
  awayLimit?: string | null;
  audioOffset?: string | null;
  audio?: 'auto' | 'aac' | 'keep' | null;
  latency?: string | null;
  passphrase?: string | null;
};

/** `StreamPatch` of the API. */
export type StreamPatch = {
  /** for viewers, instead of the name */
  title?: string;
  /** a few sentences for viewers */
  description?: string;
  record?: boolean;
  storage?: string | null;
  alarms?: string | null;
  keep?: string | null;
  visibility?: 'public' | 'unlisted' | 'signed' | 'private' | null;
  ladder?: string | null;
  ladderStart?: 'viewer' | 'always' | null;
  recordQualities?: boolean | null;
  source?: PushSourcePatch;
};

/** `SourceSettings` of the API. */
export type SourceSettings = {
  type: 'pull' | 'push' | 'test';
  /** by how much audio is presented later, e.g. `120ms`; negative: earlier */
  audioOffset: string;
  audio: 'auto' | 'aac' | 'keep';
  /** null for other types than `push` */
  onSecondPublisher: 'refuse' | 'replace' | 'standby' | null;
  /** null for other types than `push` */
  whileAway: 'nothing' | 'last-picture' | 'slate' | null;
  /** null for other types than `push` */
  awayLimit: string | null;
  /** latency of SRT, e.g. `200ms`; null: the setting `srtLatency` */
  latency: string | null;
  /** the stream has a passphrase of SRT of its own */
  hasPassphrase: boolean;
};

/** `Finding` of the API. */
export type Finding = {
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

/** `StreamStats` of the API. */
export type StreamStats = {
  /** RFC 3339, UTC, milliseconds */
  at: string;
  state: StreamState;
  /** the worst severity of the findings; `none` while nothing is published */
  status: 'good' | 'warn' | 'bad' | 'none';
  /** null while no publisher is connected */
  publisher: {
    /** `rtmp`, `srt`, `rtp`, `whip`; for sources that oxbow reads: `pull`, `test` */
    protocol: string;
    /** RFC 3339, UTC, milliseconds */
    since: string;
    /** as the encoder names itself */
    encoder: string | null;
    /** number of standby publishers */
    standby: number;
    /** bytes on the connection; 0 where the protocol does not count them */
    bytesIn: number;
  } | null;
  /** null while there is no video */
  video: {
    codec: string;
    /** RFC 6381 */
    codecs: string;
    /** what is recorded and played in its place; null if it is not converted */
    convertedTo: 'h264' | null;
    width: number;
    height: number;
    /** bit/s, over ten seconds */
    bitrate: number;
    /** bit/s of the largest second of the last minute */
    peakBitrate: number;
    /** frames a second, over ten seconds */
    frameRate: number;
    /** share of frames at irregular intervals, 0 to 1 */
    irregular: number;
    /** longest distance of two key frames in the last minute, seconds */
    keyFrameInterval: number | null;
    /** frames of the last complete GOP */
    gopFrames: number | null;
    /** seconds of media since the last key frame */
    sinceKeyFrame: number;
    /** bytes of the largest frame of the last minute */
    largestFrame: number;
    bFrames: boolean;
    /** seconds since the last frame */
    silent: number;
  } | null;
  /** null while there is no audio */
  audio: {
    /** what the publisher sends, e.g. `aac` or `mp2` */
    codec: string;
    /** RFC 6381 */
    codecs: string;
    /** what is recorded and played in its place; null if it is not converted */
    convertedTo: 'aac' | null;
    sampleRate: number;
    channels: number;
    /** bit/s, over ten seconds */
    bitrate: number;
    /** seconds since the last frame */
    silent: number;
  } | null;
  /** what the encoder says of itself; null where it says nothing */
  announced: {
    /** bit/s */
    videoBitrate: number | null;
    /** bit/s */
    audioBitrate: number | null;
    /** frames a second */
    frameRate: number | null;
    /** seconds */
    keyFrameInterval: number | null;
  };
  /** null where the protocol does not know */
  link: {
    /** bit/s on the connection, over ten seconds */
    bitrate: number | null;
    /** bit/s that the path can carry, as the protocol estimates */
    capacity: number | null;
    /** round trip time, ms */
    rtt: number | null;
    /** agreed latency (SRT), ms */
    latency: number | null;
    /** media that waits in the receive buffer of the protocol, ms */
    buffer: number | null;
    /** share of packets that the network lost in the last minute, repaired or not, 0 to 1 */
    loss: number | null;
    /** packets that the network lost in the last minute, repaired or not */
    lost: number | null;
    /** packets that came because they were sent again, in the last minute */
    retransmitted: number | null;
    /** packets that never came in time, in the last minute */
    dropped: number | null;
  };
  /** null for sources that come in bursts */
  arrival: {
    /** smoothed difference between the intervals of arrival and of the media, ms */
    jitter: number | null;
    /** longest time without a frame in the last minute, ms */
    longestPause: number | null;
    /** how far audio arrived after its video in the last minute, ms of media; negative: before it */
    audioBehind: {
      least: number;
      most: number;
    } | null;
    /** how far the wall clock is ahead of the time of the media since the run began, ms */
    skew: number | null;
  };
  counts: {
    /** frames whose timestamp ran backwards, in the last minute */
    backwards: number;
    /** damaged places in the media, in the last minute */
    damaged: number;
    /** changes of the size of the picture, in the last minute */
    sizeChanges: number;
  };
  /** the seconds of the last minute, oldest first */
  recent: {
    /** bit/s of video and audio */
    bitrate: number[];
    frameRate: number[];
  };
  /** what a key frame and a second of sound showed last; null before the first */
  content: {
    /** why pictures and sound are not checked; empty if they are */
    absent: string;
    /** share of the picture that is dark, percent */
    dark: number | null;
    /** largest change of a small picture since the key frame before, 0 to 255 */
    change: number | null;
    /** level of the sound, dB of full scale, -120 to 0 */
    level: number | null;
    /** its highest sample, dB of full scale */
    peak: number | null;
    /** share of its samples at full scale, percent */
    clipped: number | null;
  };
  viewers: number;
  /** what is good, and what to change */
  findings: Finding[];
};

/** `StatsHistory` of the API. */
export type StatsHistory = {
  /** start of the first step */
  from: string;
  /** end of the last step */
  to: string;
  /** length of a step, seconds */
  res: number;
  /** one value for each step; null where nothing was measured */
  series: {
    /** bit/s */
    videoBitrate: (number | null)[];
    /** bit/s */
    audioBitrate: (number | null)[];
    /** bit/s on the connection, with its overhead and repeated packets */
    bitrateIn: (number | null)[];
    /** frames a second */
    frameRate: (number | null)[];
    /** longest distance of two key frames, seconds */
    keyFrameInterval: (number | null)[];
    /** highest round trip time, ms */
    rtt: (number | null)[];
    /** highest jitter of the arrival, ms */
    jitter: (number | null)[];
    /** share of packets that the network lost, repaired or not, 0 to 1 */
    loss: (number | null)[];
    /** packets that came because they were sent again */
    retransmitted: (number | null)[];
    /** packets that never came in time */
    dropped: (number | null)[];
    /** damaged places in the media */
    damaged: (number | null)[];
    /** most viewers at the same time */
    viewers: (number | null)[];
    /** how far audio has moved after the picture since the run began, ms; see `sync` */
    avOffset: (number | null)[];
    /** how far the wall clock is ahead of the time of the media since the run began, ms */
    skew: (number | null)[];
    /** share of the picture that is dark, percent; near 100: black */
    dark: (number | null)[];
    /** largest change of a small picture from one key frame to the next, 0 to 255; near 0: frozen */
    pictureChange: (number | null)[];
    /** level of the sound, dB of full scale, -120 to 0 */
    soundLevel: (number | null)[];
  };
};

/** `AlarmView` of the API. */
export type AlarmView = {
  id: string;
  /** name of the stream when it was raised */
  stream: string;
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
  /** RFC 3339, UTC, milliseconds */
  raisedAt: string;
  /** null: it is active */
  clearedAt: string | null;
  /** the value that was furthest beyond the threshold: bit/s, frames a second, seconds, percent, dB or a number, as the rule has it; null for rules without a value */
  value: number | null;
  threshold: number | null;
  /** null: no one has acknowledged it */
  acknowledgedAt: string | null;
  /** as in the audit log; empty if no one has */
  acknowledgedBy: string;
};

/** `AlarmList` of the API. */
export type AlarmList = {
  items: AlarmView[];
  nextCursor: string | null;
};

/** `AlarmMute` of the API. */
export type AlarmMute = {
  stream: string;
  /** RFC 3339, UTC, milliseconds */
  until: string;
  /** who has muted it, as in the audit log */
  by: string;
  reason: string;
};

/** `AlarmRuleView` of the API. */
export type AlarmRuleView = {
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
  on: boolean;
  meaning: string;
  /** `state` (no threshold), `bitrate`, `rate`, `seconds`, `percent`, `decibel`, `level`, `count` */
  unit: string;
  side: 'above' | 'below';
  raise: {
    at: number;
    relative: boolean;
    /** seconds */
    for: number;
  };
  clear: {
    at: number;
    relative: boolean;
    /** seconds */
    for: number;
  };
  active: boolean;
};

/** `StreamAlarms` of the API. */
export type StreamAlarms = {
  muted: AlarmMute | null;
  /** why black, frozen and silent media is not found now; empty if it is */
  contentAbsent: string;
  rules: AlarmRuleView[];
};

/** `AlarmMuteSettings` of the API. */
export type AlarmMuteSettings = {
  /** how long, e.g. `2h`; at most 31 days */
  for: string;
  /** e.g. `maintenance` */
  reason?: string;
};

/** `HappenedItem` of the API. */
export type HappenedItem = {
  /** RFC 3339, UTC, milliseconds */
  at: string;
  /** null: an instant, or it lasts */
  to: string | null;
  kind: 'gap' | 'offline' | 'alarm' | 'event' | 'change';
  code: string;
  /** for a person; may be empty */
  detail: string;
  /** the publisher, or who made the request; empty if no one did */
  by: string;
};

/** `StreamHappened` of the API. */
export type StreamHappened = {
  /** RFC 3339, UTC, milliseconds */
  at: string;
  /** RFC 3339, UTC, milliseconds */
  from: string;
  /** RFC 3339, UTC, milliseconds */
  to: string;
  /** media of this instant is recorded */
  recorded: boolean;
  /** path of the picture at this instant; null if nothing is recorded there */
  still: string | null;
  /** of the minute of this instant, as in StatsHistory */
  figures: {
    videoBitrate: number | null;
    audioBitrate: number | null;
    bitrateIn: number | null;
    frameRate: number | null;
    keyFrameInterval: number | null;
    rtt: number | null;
    jitter: number | null;
    loss: number | null;
    retransmitted: number | null;
    dropped: number | null;
    damaged: number | null;
    viewers: number | null;
    avOffset: number | null;
    skew: number | null;
    dark: number | null;
    pictureChange: number | null;
    soundLevel: number | null;
  };
  /** oldest first, at most 500 */
  items: HappenedItem[];
};

/** `PlaybackSession` of the API. */
export type PlaybackSession = {
  /** the same for all requests and reports of a player while oxbow runs */
  id: string;
  /** RFC 3339, UTC, milliseconds */
  startedAt: string;
  /** its last request or report */
  seenAt: string;
  /** its last report; null: it is known by its requests alone */
  reportedAt: string | null;
  /** what the player is doing */
  state: 'starting' | 'playing' | 'seeking' | 'buffering' | 'paused' | null;
  /** false: recorded media */
  live: boolean | null;
  /** the moment that it showed when it reported */
  at: string | null;
  /** seconds from that moment to the time of the report */
  latency: number | null;
  /** media ahead of that moment, seconds */
  buffer: number | null;
  /** the rendition that it plays */
  rendition: string | null;
  /** of that rendition, bit/s */
  bitrate: number | null;
};

/** `PlaybackSessionList` of the API. */
export type PlaybackSessionList = {
  items: PlaybackSession[];
  nextCursor: string | null;
};

/** `StreamBuffer` of the API. */
export type StreamBuffer = {
  /** the newest GOPs, for sinks that come now */
  gop: {
    /** false: no sink or standby publisher needs it now */
    kept: boolean;
    /** the one in progress included */
    gops: number;
    frames: number;
    bytes: number;
    seconds: number;
    /** the GOP in progress exceeded its bounds and was dropped */
    tooLarge: boolean;
  };
  /** the live playlist, oldest segment first */
  window: {
    generation: number | null;
    /** the live playlist has ended */
    ended: boolean;
    /** bytes of media in memory */
    memoryBytes: number;
    segments: {
      msn: number;
      /** RFC 3339, UTC, milliseconds */
      at: string;
      duration: number | null;
      bytes: number;
      /** of the reference track */
      parts: number;
      /** false: it is read from the recording */
      inMemory: boolean;
      discontinuity: boolean;
    }[];
  };
  recorder: {
    /** published media that waits for the disk */
    waitingBytes: number;
  };
};

/** `StreamSync` of the API. */
export type StreamSync = {
  /** the current run; null while no media flows */
  run: {
    id: number;
    /** UTC of pts 0, unix seconds */
    utcOffset: number;
    clock: 'source' | 'arrival';
    /** RFC 3339, UTC, milliseconds */
    since: string;
  } | null;
  skew: number | null;
  drift: number | null;
  driftOver: number | null;
  avOffset: number | null;
  /** by how much oxbow presents the audio of the current run later, ms: `source.audioOffset` when the run began */
  audioOffset: number;
  /** how far audio arrived after its video in the last minute, ms of media. This is the order of sending, not an offset */
  audioBehind: {
    least: number;
    most: number;
  } | null;
  jitter: number | null;
  tracks: {
    id: number;
    kind: string;
    /** ticks per second */
    timescale: number;
    lastDts: number | null;
  }[];
  /** runs of the live playlist, oldest first */
  runs: {
    run: number;
    firstMsn: number;
    utcOffset: number;
  }[];
};

/** `StreamParameters` of the API. */
export type StreamParameters = {
  tracks: {
    id: number;
    kind: string;
    codec: string;
    /** RFC 6381 */
    codecs: string;
    language: string;
    /** body of the configuration box (avcC, hvcC, av1C, vpcC, dOps …), base64 */
    record: string;
    sets: {
      /** `SPS`, `PPS`, `VPS`, `AudioSpecificConfig`, or the name of the box */
      kind: string;
      hex: string;
    }[];
    /** fields of the parameter sets, such as profile, level, width, height, frame rate, bit depth */
    facts: Readonly<Record<string, unknown>>;
  }[];
};

/** `StreamBackpressure` of the API. */
export type StreamBackpressure = {
  /** the highest of 25, 50, 75 and 90 percent of the bound that was reached, or 0 */
  level: number;
  /** frames that wait in sinks and the GOP buffer of this stream */
  memory: {
    bytes: number;
    maxBytes: number;
    /** the highest of 25, 50, 75 and 90 percent of the bound that was reached, or 0 */
    level: number;
  };
  /** of all streams */
  totalMemory: {
    bytes: number;
    maxBytes: number;
    /** the highest of 25, 50, 75 and 90 percent of the bound that was reached, or 0 */
    level: number;
  };
  /** segments that wait for the disk; at the bound a gap with cause `overload` */
  recorder: {
    bytes: number;
    maxBytes: number;
    /** the highest of 25, 50, 75 and 90 percent of the bound that was reached, or 0 */
    level: number;
  };
  sinks: {
    name: string;
    queuedBytes: number;
    /** 0: it has no queue */
    maxBytes: number;
    /** the highest of 25, 50, 75 and 90 percent of the bound that was reached, or 0 */
    level: number;
    waitsForKeyFrame: boolean;
    lost: {
      slow: {
        gops: number;
        frames: number;
      };
      'gop-too-large': {
        gops: number;
        frames: number;
      };
      memory: {
        gops: number;
        frames: number;
      };
    };
  }[];
};

/** `StreamRecovery` of the API. */
export type StreamRecovery = {
  state: StreamState;
  /** why it is not live; may be empty */
  problem: string;
  /** start of the counts: the stream was opened by this process */
  since: string;
  counts: {
    /** times that media began or continued after an interruption */
    runs: number;
    gaps: number;
    /** publishers that connected, and (re)starts of a source */
    connects: number;
    refused: number;
    /** another publisher took over */
    switches: number;
    /** damaged places in the media */
    damage: number;
    /** GOPs that slow sinks lost */
    lostGops: number;
    /** times that no key frame came for ten seconds */
    keyless: number;
  };
  /** gaps of the last 24 hours by cause */
  lastDay: {
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
    gaps: number;
    seconds: number;
  }[];
  /** the last 100, newest first */
  events: {
    /** RFC 3339, UTC, milliseconds */
    at: string;
    kind: 'live' | 'gap' | 'offline' | 'connected' | 'left' | 'refused' | 'switched' | 'damage' | 'loss' | 'keyless';
    /** for a person; never an address */
    detail: string;
  }[];
};

/** `ProbeView` of the API. */
export type ProbeView = {
  protocol: 'hls' | 'mp4' | 'page' | 'test' | 'udp' | 'srt' | 'rtp' | 'rtsp' | 'whep' | 'file';
  /** `mpegts`, `fmp4`, `mp4`, `packed-audio`; empty until a segment was read */
  container: string;
  /** may be empty */
  title: string;
  /** URL of a picture (pages only) */
  thumbnail?: string;
  /** false: the source has an end */
  live: boolean;
  /** duration of a source that has an end, seconds */
  durationS?: number;
  /** how far before the live edge the source offers media, seconds */
  backS?: number;
  qualities: SourceQuality[];
  /** name of the selected quality */
  chosen?: string;
  /** closed captions by the playlist of the source; empty if it says none */
  captions?: CaptionChannel[];
  /** unsupported tracks; absent if there are none */
  leftOut?: LeftOutTrack[];
  /** how media arrives, in words */
  pace?: string;
  tracks: TrackView[];
  media: MediaRates | null;
  /** a JPEG, PNG or WebP as a data: URL */
  picture?: string;
};

/** `ProbeRequest` of the API. */
export type ProbeRequest = {
  url: string;
  /** `best`, `worst`, `720p`, `2M` */
  quality?: string;
};

/** `Span` of the API. */
export type Span = {
  /** RFC 3339, UTC, milliseconds */
  from: string;
  /** RFC 3339, UTC, milliseconds */
  to: string;
  /** number of merged spans, if `res` is not 0 */
  merged?: number;
};

/** `GapView` of the API. */
export type GapView = {
  /** RFC 3339, UTC, milliseconds */
  from: string;
  /** RFC 3339, UTC, milliseconds */
  to: string;
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
  detail: string;
  /** number of merged spans, if `res` is not 0 */
  merged?: number;
};

/** `PinView` of the API. */
export type PinView = {
  id: string;
  /** RFC 3339, UTC, milliseconds */
  from: string;
  /** RFC 3339, UTC, milliseconds */
  to: string;
  text: string;
};

/** `MarkerView` of the API. */
export type MarkerView = {
  id: string;
  /** RFC 3339, UTC, milliseconds */
  at: string;
  text: string;
};

/** `TimelineView` of the API. */
export type TimelineView = {
  /** RFC 3339, UTC, milliseconds */
  from: string;
  /** RFC 3339, UTC, milliseconds */
  to: string;
  res: number;
  spans: Span[];
  gaps: GapView[];
  offline: Span[];
  /** deleted by retention */
  deleted: Span[];
  runs: {
    run: number;
    firstMsn: number;
    /** UTC of pts 0, unix seconds */
    utcOffset: number;
  }[];
  windows: {
    /** unix seconds */
    from: number;
    /** unix seconds */
    to: number;
    rev: number;
    closed: boolean;
  }[];
  pins: PinView[];
  markers: MarkerView[];
};

/** `ActivityView` of the API. */
export type ActivityView = {
  /** start of the first step */
  from: string;
  /** end of the last step */
  to: string;
  /** length of a step, seconds */
  res: number;
  /** bit/s of video and audio, one value for each step; null where nothing was received */
  values: (number | null)[];
  /** the largest change of the picture in each step: mean difference of the luma of two consecutive small pictures (ten seconds apart) in 16 × 16 cells, 0 to 255; null where none were compared, e.g. without a storyboard */
  changes: (number | null)[];
};

/** `GapList` of the API. */
export type GapList = {
  items: GapView[];
  nextCursor: null;
};

/** `MarkerList` of the API. */
export type MarkerList = {
  items: MarkerView[];
  nextCursor: string | null;
};

/** `NewMarker` of the API. */
export type NewMarker = {
  /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. */
  at: string;
  /** label; may be empty */
  text?: string;
};

/** `PinList` of the API. */
export type PinList = {
  items: PinView[];
  nextCursor: null;
};

/** `NewPin` of the API. */
export type NewPin = {
  /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. */
  from: string;
  /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. */
  to: string;
  /** label; may be empty */
  text?: string;
};

/** `DeletionView` of the API. */
export type DeletionView = {
  /** null: nothing was deleted */
  id: string | null;
  /** its name then */
  stream: string;
  state: 'planned' | 'running' | 'waiting' | 'done';
  /** start of the first segment */
  from: string;
  /** end of the last one */
  to: string;
  segments: number;
  /** of media, with those of the qualities */
  bytes: number;
  /** ten-minute windows of which some or all is deleted */
  windows: number;
  /** files that are deleted, or written again without the segments */
  files: number;
  /** small pictures of the timeline; counted when they are deleted */
  pictures: number;
  /** that have some of it: they are gone as a whole */
  clips: {
    id: string;
    title: string;
  }[];
  /** within it */
  pins: {
    id: string;
    title: string;
  }[];
  /** made of some of it */
  assets: {
    id: string;
    title: string;
  }[];
  /** files that have some of it */
  exports: {
    id: string;
    title: string;
  }[];
  /** objects in buckets and second folders */
  copies: number;
  /** that are purged of the stream */
  edges: string[];
  /** what is left to do */
  left: {
    kind: 'file' | 'copy' | 'edge' | 'node' | 'memory' | 'pictures';
    /** location, key, address, name of the node */
    name: string;
    /** of a copy: its name in storage.targets */
    target: string | null;
    /** why it was not reached; empty before the first try */
    problem: string;
  }[];
  /** copies that no server can reach, in words */
  unreachable: string[];
  /** as in the audit log: `admin`, the id of a user, `token:` with an id */
  author: string;
  createdAt: string | null;
  doneAt: string | null;
};

/** `DeletionList` of the API. */
export type DeletionList = {
  items: DeletionView[];
  nextCursor: string | null;
};

/** `HoldView` of the API. */
export type HoldView = {
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

/** `HoldList` of the API. */
export type HoldList = {
  items: HoldView[];
  nextCursor: null;
};

/** `NewHold` of the API. */
export type NewHold = {
  /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. */
  from: string;
  /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. It may be in the future. Default: until the hold is lifted. */
  to?: string;
  /** of refusals, e.g. a file number */
  name: string;
  reason?: string;
};

/** `EdgePurgeView` of the API. */
export type EdgePurgeView = {
  id: string;
  kind: 'stream' | 'asset' | 'clip';
  /** of the stream; id of the asset or clip */
  name: string;
  state: 'running' | 'done' | 'failed';
  startedAt: string;
  /** no edge is asked again after this time: two hours after the start */
  givesUpAt: string;
  /** when it was done, or given up */
  doneAt: string | null;
  /** in the order of `edges.urls` */
  edges: {
    url: string;
    state: 'waiting' | 'purged' | 'confirmed';
    confirmedAt: string | null;
    /** why it has not confirmed; empty before the first try */
    problem: string;
  }[];
  /** nodes of the cluster that may have copies in memory; edges confirm after them */
  nodes: {
    name: string;
    problem: string;
  }[];
};

/** `EdgePurgeList` of the API. */
export type EdgePurgeList = {
  items: EdgePurgeView[];
  nextCursor: null;
};

/** `ClipView` of the API. */
export type ClipView = {
  id: string;
  stream: string;
  /** may be empty */
  title: string;
  /** RFC 3339, UTC, milliseconds */
  from: string;
  /** RFC 3339, UTC, milliseconds */
  to: string;
  /** length of the marked span */
  durationS: number;
  visibility: 'public' | 'unlisted' | 'signed' | 'private';
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** name of the user; null for the administrator of the command line, programs and deleted users */
  createdBy: string | null;
  /** path of its page */
  url: string;
  media: {
    /** path of the MP4 file; with `?download` it has a name */
    file: string;
    /** where the marked span begins in the file, which begins at the key frame before it */
    startS: number;
    /** where it ends in the file */
    endS: number;
    /** path of a picture of its start */
    preview: string;
    /** of the file; less than at the end while `to` is still being recorded */
    sizeBytes: number;
  };
  /** the caller may change and delete it */
  mayChange: boolean;
};

/** `ClipList` of the API. */
export type ClipList = {
  items: ClipView[];
  nextCursor: string | null;
};

/** `NewClip` of the API. */
export type NewClip = {
  /** name of the stream */
  stream: string;
  /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. */
  from: string;
  /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 15m. */
  to: string;
  /** may be empty */
  title?: string;
  visibility?: 'public' | 'unlisted' | 'signed' | 'private';
  /** required where the clip is open to more people than its restricted stream */
  confirm?: boolean;
};

/** `ClipPatch` of the API. */
export type ClipPatch = {
  /** may be empty */
  title?: string;
  visibility?: 'public' | 'unlisted' | 'signed' | 'private';
  /** required where the clip is open to more people than its restricted stream */
  confirm?: boolean;
};

/** `AssetRenditionView` of the API. */
export type AssetRenditionView = {
  /** `source` has the tracks of the original; others are encoded */
  id: string;
  /** `queued`, `running`, `done`, `failed` */
  state: string;
  /** 0 to 1 */
  progress: number;
  error: {
    code: string;
    detail: string;
  } | null;
};

/** `AssetSubtitleView` of the API. */
export type AssetSubtitleView = {
  /** name of the rendition, e.g. `s1001-de` */
  id: string;
  /** BCP 47 or ISO 639-2; `und` when unknown */
  language: string;
  /** may be empty */
  title: string;
  /** marked as the usual ones */
  default: boolean;
  /** for viewers who understand what is spoken */
  forced: boolean;
  origin: 'original' | 'upload';
  cues: number;
  charset: string | null;
  vtt: string | null;
  ass: string | null;
};

/** `AssetView` of the API. */
export type AssetView = {
  id: string;
  title: string;
  description: string;
  tags: string[];
  visibility: 'public' | 'unlisted' | 'private';
  /** null for clients that may only watch */
  owner: string | null;
  origin: 'upload' | 'recording';
  state: 'uploading' | 'processing' | 'ready' | 'failed';
  error: {
    code: string;
    detail: string;
  } | null;
  filename: string | null;
  bytes: number | null;
  sha256: string | null;
  contentType: string | null;
  seconds: number | null;
  facts: Readonly<Record<string, unknown>> | null;
  recording: {
    stream: string;
    /** RFC 3339, UTC, milliseconds */
    from: string;
    /** RFC 3339, UTC, milliseconds */
    to: string;
  } | null;
  /** while its bytes arrive */
  upload: {
    id: string;
    received: number;
    length: number | null;
    /** RFC 3339, UTC, milliseconds */
    expiresAt: string;
  } | null;
  renditions: AssetRenditionView[];
  subtitles: AssetSubtitleView[];
  chapters: {
    /** seconds from the start of the asset */
    at: number;
    title: string;
  }[];
  revision: number;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** RFC 3339, UTC, milliseconds */
  changedAt: string;
  deletedAt: string | null;
  expiresAt: string | null;
  hls: string | null;
  dash: string | null;
  poster: string | null;
  storyboard: string | null;
  chapterFile: string | null;
  download: string | null;
  original: string | null;
  /** null: the middle */
  posterAt: number | null;
};

/** `AssetList` of the API. */
export type AssetList = {
  items: AssetView[];
  nextCursor: string | null;
};

/** `NewRecordedAsset` of the API. */
export type NewRecordedAsset = {
  stream: string;
  /** unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC */
  from: string;
  /** the same, or a duration from `from`, e.g. 90s */
  to: string;
  title?: string;
  description?: string;
  tags?: string[];
  visibility?: 'public' | 'unlisted' | 'private';
};

/** `AssetPatch` of the API. */
export type AssetPatch = {
  title?: string;
  description?: string;
  tags?: string[];
  visibility?: 'public' | 'unlisted' | 'private';
  posterAt?: number | null;
};

/** `ExportResult` of the API. */
export type ExportResult = {
  url: string | null;
  filename: string;
  /** RFC 3339, UTC, milliseconds */
  from: string;
  /** RFC 3339, UTC, milliseconds */
  to: string;
  seconds: number;
  bytes: number;
  parts: {
    /** seconds from the start of the file */
    at: number;
    /** RFC 3339, UTC, milliseconds */
    from: string;
    /** RFC 3339, UTC, milliseconds */
    to: string;
  }[];
  gaps: {
    /** seconds from the start of the file */
    at: number;
    /** RFC 3339, UTC, milliseconds */
    from: string;
    /** RFC 3339, UTC, milliseconds */
    to: string;
    cause:
      | 'source-down'
      | 'source-skipped'
      | 'bad-media'
      | 'overload'
      | 'disk'
      | 'crash'
      | 'clock'
      | 'internal'
      | 'damaged'
      | 'offline'
      | 'deleted';
    detail: string;
  }[];
  recoded: number;
};

/** `ExportJob` of the API. */
export type ExportJob = {
  id: string;
  kind: string;
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  /** what it works on, e.g. the id of an asset */
  subject: string | null;
  /** jobs of higher priority start first */
  priority: number;
  /** 0 to 1 */
  progress: number;
  /** progress by name, 0 to 1, e.g. of each rendition */
  parts: Readonly<Record<string, number>>;
  input: Readonly<Record<string, unknown>>;
  result: ExportResult | null;
  error: {
    code: string;
    detail: string;
  } | null;
  /** number of starts */
  tries: number;
  maxTries: number;
  /** tries that failed, oldest first */
  failures: {
    try: number;
    /** null: the server itself */
    worker: string | null;
    code: string;
    detail: string;
    /** RFC 3339, UTC, milliseconds */
    at: string;
  }[];
  /** runs it, or ran it last; null: the server itself */
  worker: string | null;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** when the next try starts at the earliest */
  notBefore: string | null;
  startedAt: string | null;
  endedAt: string | null;
  expiresAt: string | null;
};

/** `ExportSettings` of the API. */
export type ExportSettings = {
  stream: string;
  /** unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC */
  from?: string;
  /** the same, or a duration from `from`, e.g. 90s */
  to?: string;
  /** instead of `from` and `to`: several ranges, which follow each other in the file in this order */
  ranges?: {
    /** unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC */
    from: string;
    /** the same, or a duration from `from`, e.g. 90s */
    to: string;
  }[];
  format?: 'mp4' | 'mkv' | 'ts';
  /** cut at the exact frame: frames at both ends are encoded again. Otherwise at key frames */
  exact?: boolean;
  /** height such as `720p`, height and bit rate such as `720p:2M`, or `audio`: the pictures are encoded again, never larger than they are. Otherwise they are copied */
  quality?: string;
};

/** `ExportTicket` of the API. */
export type ExportTicket = {
  /** path of the file; anyone who has it can fetch it */
  url: string;
  /** RFC 3339, UTC, milliseconds */
  expiresAt: string;
};

/** `JobView` of the API. */
export type JobView = {
  id: string;
  kind: string;
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  /** what it works on, e.g. the id of an asset */
  subject: string | null;
  /** jobs of higher priority start first */
  priority: number;
  /** 0 to 1 */
  progress: number;
  /** progress by name, 0 to 1, e.g. of each rendition */
  parts: Readonly<Record<string, number>>;
  input: Readonly<Record<string, unknown>>;
  result: Readonly<Record<string, unknown>> | null;
  error: {
    code: string;
    detail: string;
  } | null;
  /** number of starts */
  tries: number;
  maxTries: number;
  /** tries that failed, oldest first */
  failures: {
    try: number;
    /** null: the server itself */
    worker: string | null;
    code: string;
    detail: string;
    /** RFC 3339, UTC, milliseconds */
    at: string;
  }[];
  /** runs it, or ran it last; null: the server itself */
  worker: string | null;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** when the next try starts at the earliest */
  notBefore: string | null;
  startedAt: string | null;
  endedAt: string | null;
  expiresAt: string | null;
};

/** `JobList` of the API. */
export type JobList = {
  items: JobView[];
  nextCursor: string | null;
};

/** `WorkerView` of the API. */
export type WorkerView = {
  id: string;
  name: string;
  /** `push`: the server assigns jobs over an open response; `pull`: the worker claims each job */
  mode: 'push' | 'pull';
  /** `silent`: no heartbeat arrives; `draining`: it gets no further jobs */
  state: 'online' | 'silent' | 'draining';
  /** the process that this server started itself */
  own: boolean;
  slots: number;
  kinds: string[];
  facts: Readonly<Record<string, unknown>>;
  jobs: {
    id: string;
    kind: string;
    subject: string | null;
    progress: number;
  }[];
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** RFC 3339, UTC, milliseconds */
  seenAt: string;
};

/** `WorkerList` of the API. */
export type WorkerList = {
  items: WorkerView[];
  nextCursor: null;
};

/** `WorkerRegistration` of the API. */
export type WorkerRegistration = {
  id: string;
  /** a job without a heartbeat for this long is given to another worker */
  leaseMs: number;
  /** interval of heartbeats */
  heartbeatMs: number;
};

/** `NewWorker` of the API. */
export type NewWorker = {
  /** for people, e.g. the name of its machine */
  name: string;
  /** `push`: the server assigns jobs over an open response; `pull`: the worker claims each job */
  mode: 'push' | 'pull';
  /** jobs that it runs at the same time */
  slots: number;
  kinds: string[];
  /** version, processors, encoders */
  facts?: Readonly<Record<string, unknown>>;
};

/** `JobOffer` of the API. */
export type JobOffer = {
  id: string;
  /** fencing token of the lease */
  token: number;
  kind: string;
  /** JSON */
  input: unknown;
  subject: string | null;
  priority: number;
  tries: number;
  maxTries: number;
  number: number;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** RFC 3339, UTC, milliseconds */
  startedAt: string;
  /** of the span of the job, for requests of the worker; absent if tracing is off */
  traceparent?: string;
};

/** `JobClaim` of the API. */
export type JobClaim = {
  /** how long to wait for a job; default: 20 s */
  waitMs?: number;
};

/** `HeartbeatAnswer` of the API. */
export type HeartbeatAnswer = {
  cancelled: {
    id: string;
    /** fencing token of the lease */
    token: number;
  }[];
  /** jobs that were given to another worker, or have ended */
  lost: {
    id: string;
    /** fencing token of the lease */
    token: number;
  }[];
  /** finish the running jobs, then end */
  drain: boolean;
};

/** `WorkerHeartbeat` of the API. */
export type WorkerHeartbeat = {
  jobs: {
    id: string;
    /** fencing token of the lease */
    token: number;
    progress: number;
    /** progress by name, 0 to 1 */
    parts: Readonly<Record<string, number>>;
  }[];
};

/** `StoredOutput` of the API. */
export type StoredOutput = {
  bytes: number;
};

/** `JobResult` of the API. */
export type JobResult = {
  /** fencing token of the lease */
  token: number;
  /** JSON */
  result: unknown;
};

/** `JobFailureReport` of the API. */
export type JobFailureReport = {
  /** fencing token of the lease */
  token: number;
  code: string;
  detail: string;
  /** whether another try may succeed */
  retry: boolean;
};

/** `UploadView` of the API. */
export type UploadView = {
  id: string;
  /** id of the asset */
  asset: string;
  filename: string;
  /** `admin`, or `token:` with the id of an API token */
  owner: string;
  state: 'open' | 'completing' | 'complete' | 'failed';
  error: {
    code: string;
    detail: string;
  } | null;
  /** bytes from the start that are stored without a hole: where to continue */
  received: number;
  /** bytes of the file; null while it is not known */
  length: number | null;
  /** null: bytes arrive in order */
  chunkSize: number | null;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** RFC 3339, UTC, milliseconds */
  expiresAt: string;
};

/** `UploadList` of the API. */
export type UploadList = {
  items: UploadView[];
  nextCursor: null;
};

/** `FileQuery` of the API. */
export type FileQuery = {
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
};

/** `ChunkStatus` of the API. */
export type ChunkStatus = {
  upload_id: string;
  asset_id: string;
  state: 'open' | 'completing' | 'complete' | 'failed';
  error: {
    code: string;
    detail: string;
  } | null;
  filename: string;
  total_size: number | null;
  /** bytes that are stored */
  received: number;
  /** bytes from the start that are stored without a hole */
  next_byte: number;
  /** null: bytes arrive in order, over tus */
  chunk_size: number | null;
  total_chunks: number | null;
  /** ranges of chunk numbers, both ends included: `[[1,5],[7,7]]` */
  received_chunks: number[][];
  /** ranges of chunk numbers, both ends included: `[[1,5],[7,7]]` */
  missing_chunks: number[][];
  /** RFC 3339, UTC, milliseconds */
  expires_at: string;
};

/** `ChunkInit` of the API. */
export type ChunkInit = {
  filename: string;
  /** bytes of the file; this or `file_size` is needed */
  total_size?: number;
  /** the same as `total_size` */
  file_size?: number;
  /** number of chunks: determines `chunk_size` where that is absent */
  total_chunks?: number;
  /** ignored: the content says what the file is */
  mime_type?: string;
  /** ignored: the token says who uploads */
  uploader_id?: string | number;
  /** bytes of each chunk but the last, 65536 to 8388608; default 1048576 or more */
  chunk_size?: number;
  title?: string;
  description?: string;
  tags?: string[];
  /** default: `private` */
  visibility?: 'public' | 'unlisted' | 'private';
  /** SHA-256 of the file, hexadecimal or Base64 */
  sha256?: string;
};

/** `ChunkAnswer` of the API. */
export type ChunkAnswer = {
  upload_id: string;
  chunk_number: number;
  /** bytes */
  size: number;
  /** it was stored before */
  duplicate: boolean;
  /** bytes from the start that are stored without a hole */
  next_byte: number;
};

/** `ChunkQuery` of the API. */
export type ChunkQuery = {
  upload_id?: string;
  /** from 1 */
  chunk_number?: string;
  /** of the chunk: `sha256 BASE64`, or hexadecimal */
  checksum?: string;
};

/** `ChunkComplete` of the API. */
export type ChunkComplete = {
  upload_id: string;
  /** replaces the title of `init` */
  title?: string;
};

/** `ProviderView` of the API. */
export type ProviderView = {
  /** name in the settings; sign in at `/api/v1/sign-in/{id}` */
  id: string;
  /** for the button */
  name: string;
};

/** `SignInMethods` of the API. */
export type SignInMethods = {
  /** `POST /api/v1/sessions {"press":true}` signs this browser in */
  press: boolean;
  /** oxbow was started with an admin token */
  adminToken: boolean;
  /** prints a sign-in link, on the computer where oxbow runs */
  command: string;
  /** there are accounts with a name and password */
  password: boolean;
  signUp: 'open' | 'approval' | 'invitation' | 'closed';
  /** `POST /api/v1/guests` admits people with a name alone */
  guests: boolean;
  /** links to set a new password are sent by e-mail */
  email: boolean;
  /** services that sign users in */
  providers: ProviderView[];
};

/** `SessionView` of the API. */
export type SessionView = {
  id: string;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** when it was last used, to the hour */
  seenAt: string;
  /** each use extends it */
  expiresAt: string;
  /** IP address at sign-in */
  address: string;
  /** User-Agent at sign-in */
  program: string;
  /** the session of this request */
  current: boolean;
  /** null: the administrator of the command line */
  user: {
    id: string;
    name: string;
  } | null;
};

/** `SignIn` of the API. */
export type SignIn = {
  /** code of a one-time link */
  code?: string;
  /** the admin token */
  token?: string;
  /** name of an account */
  name?: string;
  /** its password */
  password?: string;
  /** sign in without a token, where `GET /api/v1/sign-in` offers it */
  press?: true;
};

/** `SessionList` of the API. */
export type SessionList = {
  items: SessionView[];
  nextCursor: null;
};

/** `SignInLink` of the API. */
export type SignInLink = {
  url: string;
  /** RFC 3339, UTC, milliseconds */
  expiresAt: string;
};

/** `TokenView` of the API. */
export type TokenView = {
  id: string;
  label: string;
  scopes: ('admin' | 'view' | 'worker' | 'upload' | 'account')[];
  /** its user; null: the administrator of the command line */
  user: {
    id: string;
    name: string;
  } | null;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  expiresAt: string | null;
};

/** `TokenList` of the API. */
export type TokenList = {
  items: TokenView[];
  nextCursor: null;
};

/** `MadeToken` of the API. */
export type MadeToken = {
  id: string;
  label: string;
  scopes: ('admin' | 'view' | 'worker' | 'upload' | 'account')[];
  /** its user; null: the administrator of the command line */
  user: {
    id: string;
    name: string;
  } | null;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  expiresAt: string | null;
  /** the token; it is shown only in this answer */
  token: string;
};

/** `NewToken` of the API. */
export type NewToken = {
  /** purpose of the token */
  label: string;
  /** default: `view` */
  scopes?: ('admin' | 'view' | 'worker' | 'upload' | 'account')[];
  /** A duration from now, as `2h`, or an instant: unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: never. */
  expires?: string;
};

/** `UserView` of the API. */
export type UserView = {
  id: string;
  name: string;
  role: 'guest' | 'user' | 'admin';
  state: 'active' | 'pending' | 'banned';
  email: string | null;
  emailVerified: boolean;
  hasPassword: boolean;
  /** accounts of other services that sign the user in */
  identities: {
    provider: string;
    name: string;
  }[];
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** RFC 3339, UTC, milliseconds */
  seenAt: string;
};

/** `MeView` of the API. */
export type MeView = {
  admin: boolean;
  session: SessionView | null;
  /** the account or guest; null for anonymous clients and the administrator of the command line */
  user: UserView | null;
  /** what the caller may do, for interfaces */
  may: {
    upload: boolean;
    joinRooms: boolean;
    createRooms: boolean;
    /** streams that need a playback token */
    watchSigned: boolean;
  };
};

/** `MePatch` of the API. */
export type MePatch = {
  /** 1 to 32 visible characters */
  name?: string;
};

/** `PasswordChange` of the API. */
export type PasswordChange = {
  /** the password until now, if there is one */
  current?: string;
  /** 8 to 256 characters */
  password: string;
  /** API tokens stay valid; otherwise a new password ends them */
  keepTokens?: boolean;
};

/** `AccountDeletion` of the API. */
export type AccountDeletion = {
  /** needed if the account has one */
  password?: string;
};

/** with a member of each part that keeps something */
export type AccountExport = {
  user: UserView;
};

/** `NewUser` of the API. */
export type NewUser = {
  /** 1 to 32 visible characters */
  name: string;
  /** 8 to 256 characters */
  password: string;
  /** code of an invitation */
  invitation?: string;
  /** only from administrators */
  role?: 'user' | 'admin';
};

/** `NewGuest` of the API. */
export type NewGuest = {
  /** 1 to 32 visible characters */
  name: string;
};

/** `MailRecipient` of the API. */
export type MailRecipient = {
  /** one address */
  email: string;
  /** language of the message; default: that of `Accept-Language` */
  language?: 'en' | 'zh';
};

/** `NewPasswordByCode` of the API. */
export type NewPasswordByCode = {
  /** the part of the link after `#` */
  code: string;
  /** 8 to 256 characters */
  password: string;
};

/** `PasswordResetLink` of the API. */
export type PasswordResetLink = {
  url: string;
};

/** `EmailVerification` of the API. */
export type EmailVerification = {
  /** the part of the link after `#` */
  code: string;
};

/** `InvitationMail` of the API. */
export type InvitationMail = {
  /** one address */
  email: string;
  /** language of the message; default: that of `Accept-Language` */
  language?: 'en' | 'zh';
  /** the part of the link after `#` */
  code: string;
};

/** `UserList` of the API. */
export type UserList = {
  items: UserView[];
  nextCursor: string | null;
};

/** `UserPatch` of the API. */
export type UserPatch = {
  /** 1 to 32 visible characters */
  name?: string;
  role?: 'user' | 'admin';
  /** `active` approves, or ends a ban; `banned` ends all sessions and tokens at once */
  state?: 'active' | 'banned';
  /** 8 to 256 characters */
  password?: string;
  /** API tokens stay valid; otherwise a new password ends them */
  keepTokens?: boolean;
};

/** `InvitationView` of the API. */
export type InvitationView = {
  id: string;
  label: string;
  role: 'guest' | 'user' | 'admin';
  usesLeft: number;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  expiresAt: string | null;
};

/** `InvitationList` of the API. */
export type InvitationList = {
  items: InvitationView[];
  nextCursor: null;
};

/** `MadeInvitation` of the API. */
export type MadeInvitation = {
  id: string;
  label: string;
  role: 'guest' | 'user' | 'admin';
  usesLeft: number;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  expiresAt: string | null;
  /** sent as `invitation` with a sign-up; it is shown only in this answer */
  code: string;
  /** link to the page that signs up with it */
  url: string;
};

/** `NewInvitation` of the API. */
export type NewInvitation = {
  /** purpose of the invitation */
  label?: string;
  role?: 'user' | 'admin';
  /** number of accounts; default: 1 */
  uses?: number;
  /** A duration from now, as `2h`, or an instant: unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: in a week. */
  expires?: string;
};

/** `AuditEntry` of the API. */
export type AuditEntry = {
  id: string;
  /** RFC 3339, UTC, milliseconds */
  at: string;
  /** id of the user; empty for an unknown client */
  user: string;
  name: string;
  address: string;
  /** operation of the API */
  action: string;
  request: string;
  status: number | null;
  traceId: string;
};

/** `AuditList` of the API. */
export type AuditList = {
  items: AuditEntry[];
  nextCursor: string | null;
};

/** `WatchToken` of the API. */
export type WatchToken = {
  /** used as the prefix `/t/{token}` of any media address of the stream */
  token: string;
  /** address of the player page */
  url: string;
  /** address of the multivariant playlist, for other players */
  hls: string;
  /** RFC 3339, UTC, milliseconds */
  expiresAt: string;
};

/** `NewWatchToken` of the API. */
export type NewWatchToken = {
  /** A duration from now, as `2h`, or an instant: unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: a day. */
  expires?: string;
};

/** `PublishAddresses` of the API. */
export type PublishAddresses = {
  rtmp?: {
    /** field "Server" of OBS */
    server: string;
    /** field "Stream Key" of OBS; the key alone works too */
    streamKey: string;
    /** both in one, for ffmpeg and others */
    url: string;
  };
  rtmps?: {
    /** field "Server" of OBS */
    server: string;
    /** field "Stream Key" of OBS; the key alone works too */
    streamKey: string;
    /** both in one, for ffmpeg and others */
    url: string;
  };
  /** URL for OBS (leave the stream key empty), ffmpeg and others */
  srt?: string;
  /** address for OBS (service WHIP; the key is the bearer token), browsers and others */
  whip?: string;
};

/** `PublishKeyView` of the API. */
export type PublishKeyView = {
  id: string;
  /** purpose of the key; may be empty */
  label: string;
  /** `publish:NAME` for one stream, `publish:PREFIX*` for names with that prefix */
  scope: string;
  /** of a key with a prefix: most streams with that prefix, before it creates no further one */
  maxStreams: number | null;
  /** ranges of addresses that may use it; empty: all */
  allow: string[];
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  expiresAt: string | null;
  /** when a publisher used it last, to the minute */
  usedAt: string | null;
};

/** `PublishKeyList` of the API. */
export type PublishKeyList = {
  items: PublishKeyView[];
  nextCursor: null;
};

/** `CreatedPublishKey` of the API. */
export type CreatedPublishKey = {
  id: string;
  /** purpose of the key; may be empty */
  label: string;
  /** `publish:NAME` for one stream, `publish:PREFIX*` for names with that prefix */
  scope: string;
  /** of a key with a prefix: most streams with that prefix, before it creates no further one */
  maxStreams: number | null;
  /** ranges of addresses that may use it; empty: all */
  allow: string[];
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  expiresAt: string | null;
  /** when a publisher used it last, to the minute */
  usedAt: string | null;
  /** the key; it is shown only in this answer */
  key: string;
  publish: PublishAddresses;
};

/** `NewPublishKey` of the API. */
export type NewPublishKey = {
  /** purpose of the key */
  label?: string;
  /** A duration from now, as `2h`, or an instant: unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: never. */
  expires?: string;
  /** addresses and ranges that may use it, as `203.0.113.7` or `10.0.0.0/8`. Default: all. */
  allow?: string[];
};

/** `RotateKey` of the API. */
export type RotateKey = {
  /** how long the old key stays valid, at most 30 days. Default: `10m`. */
  overlap?: string;
  /** A duration from now, as `2h`, or an instant: unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: the expiry of the old key. */
  expires?: string;
};

/** `NewPrefixKey` of the API. */
export type NewPrefixKey = {
  /** how the names of its streams begin, as `cam-`; empty: all names */
  prefix: string;
  /** the key creates no stream while there are so many with its prefix. Default: `publish.maxStreams`. */
  maxStreams?: number;
  /** purpose of the key */
  label?: string;
  /** A duration from now, as `2h`, or an instant: unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Default: never. */
  expires?: string;
  /** addresses and ranges that may use it, as `203.0.113.7` or `10.0.0.0/8`. Default: all. */
  allow?: string[];
};

/** `RelayView` of the API. */
export type RelayView = {
  id: string;
  /** name for people; may be empty */
  label: string;
  /** address of the target without its secrets, as `rtmps://live.example/app/…` */
  target: string;
  origin: 'api' | 'configuration';
  enabled: boolean;
  /** `waiting`: the stream has no media; `failed`: the target was lost or refused, the next attempt is at `retryAt`; `stopped`: not enabled */
  state: 'waiting' | 'connecting' | 'live' | 'failed' | 'stopped';
  /** RFC 3339, UTC, milliseconds */
  since: string;
  /** next attempt */
  retryAt: string | null;
  /** attempts since the last connection that lasted for 30 s */
  attempts: number;
  /** media sent since the start of oxbow */
  sentBytes: number;
  /** frames that the target did not get because it was slow */
  lostFrames: number;
  /** tracks that the target cannot take */
  leftOut: string[];
  /** why the last connection ended or failed; empty if none has, and while the relay is live */
  error: string;
};

/** `RelayList` of the API. */
export type RelayList = {
  items: RelayView[];
  nextCursor: null;
};

/** `NewRelay` of the API. */
export type NewRelay = {
  /** `rtmp://HOST/APP/KEY`, `rtmps://HOST/APP/KEY`, `srt://HOST:PORT?streamid=…&passphrase=…&latency=MS` or `whip+https://HOST/PATH?key=KEY`. It is not shown again. */
  url: string;
  /** name for people */
  label?: string;
  /** Default: true. */
  enabled?: boolean;
};

/** `RelayPatch` of the API. */
export type RelayPatch = {
  label?: string;
  enabled?: boolean;
};

/** `RtpSessionMedia` of the API. */
export type RtpSessionMedia = {
  /** `video` or `audio` */
  kind: string;
  /** first payload format, as in the SDP, e.g. `H264` */
  encoding: string;
  rtpPort: number;
  /** the same port where the SDP has `a=rtcp-mux` */
  rtcpPort: number;
};

/** `RtpSessionView` of the API. */
export type RtpSessionView = {
  id: string;
  /** RFC 3339, UTC, milliseconds */
  since: string;
  /** IP address of this server that the sender sends to */
  address: string;
  media: RtpSessionMedia[];
  /** the SDP with this address and these ports, for senders that read it */
  sdp: string;
  /** IP address of the sender; null before its first packet */
  sender: string | null;
  /** packets of the sender */
  packets: number;
  /** packets that were missing when their time had come */
  lost: number;
  /** packets of other senders */
  ignored: number;
};

/** `RtpSessionList` of the API. */
export type RtpSessionList = {
  items: RtpSessionView[];
  nextCursor: null;
};

/** `NewRtpSession` of the API. */
export type NewRtpSession = {
  /** session description of the sender (RFC 8866) */
  sdp: string;
  /** IP address or network that packets come from. Default: the first sender that sends what the SDP announces. */
  sender?: string;
};

/** The name of an event. */
export type EventType =
  | 'stream.created'
  | 'stream.changed'
  | 'stream.removed'
  | 'stream.live'
  | 'stream.offline'
  | 'stream.gap'
  | 'stream.recording'
  | 'stream.generation'
  | 'stream.pressure'
  | 'publish.started'
  | 'publish.refused'
  | 'publish.switched'
  | 'publish.away'
  | 'stream.ladder'
  | 'publish.ended'
  | 'publish.warning'
  | 'alarm.raised'
  | 'alarm.cleared'
  | 'relay.live'
  | 'relay.failed'
  | 'job.created'
  | 'job.progress'
  | 'job.done'
  | 'job.failed'
  | 'job.cancelled'
  | 'asset.created'
  | 'asset.changed'
  | 'asset.ready'
  | 'asset.failed'
  | 'asset.deleted'
  | 'upload.progress'
  | 'room.created'
  | 'room.deleted'
  | 'marker.added'
  | 'marker.removed'
  | 'pin.added'
  | 'pin.removed'
  | 'recording.deleted'
  | 'hold.added'
  | 'hold.lifted'
  | 'clip.created'
  | 'clip.changed'
  | 'clip.deleted'
  | 'clip.lost'
  | 'disk.low'
  | 'disk.ok'
  | 'recording.damaged'
  | 'recording.repaired'
  | 'folder.failing'
  | 'folder.ok'
  | 'storage.failing'
  | 'storage.ok'
  | 'webhook.disabled'
  | 'service.failing'
  | 'service.ok'
  | 'server.starting'
  | 'server.ending';

/** `WebhookView` of the API. */
export type WebhookView = {
  id: string;
  /** without user name and password */
  url: string;
  /** empty: all but job.progress and upload.progress */
  types: EventType[];
  stream: string | null;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** deliveries that wait */
  waiting: number;
  /** since when deliveries fail; null: the last one succeeded */
  failingSince: string | null;
  /** when it was disabled after failing for too long; PUT enables it again */
  disabledAt: string | null;
  disabledReason: string;
};

/** `WebhookList` of the API. */
export type WebhookList = {
  items: WebhookView[];
  nextCursor: string | null;
};

/** `NewWebhookView` of the API. */
export type NewWebhookView = {
  id: string;
  /** without user name and password */
  url: string;
  /** empty: all but job.progress and upload.progress */
  types: EventType[];
  stream: string | null;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** deliveries that wait */
  waiting: number;
  /** since when deliveries fail; null: the last one succeeded */
  failingSince: string | null;
  /** when it was disabled after failing for too long; PUT enables it again */
  disabledAt: string | null;
  disabledReason: string;
  secret: string;
};

/** `WebhookSettings` of the API. */
export type WebhookSettings = {
  /** http or https; where events are sent by POST */
  url: string;
  /** empty: all but job.progress and upload.progress */
  types?: EventType[];
  /** only events of this stream */
  stream?: string;
  /** `whsec_` and base64 of 24 to 64 bytes; generated by default */
  secret?: string;
};

/** `DeliveryView` of the API. */
export type DeliveryView = {
  /** of the event; also the header webhook-id of each attempt */
  id: string;
  type: string;
  state: 'waiting' | 'done' | 'failed' | 'dropped';
  tries: number;
  /** HTTP status of the last attempt */
  status: number | null;
  /** error of the last attempt; empty if there was none */
  error: string;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  /** time of the next attempt */
  nextAt: string | null;
  endedAt: string | null;
};

/** `DeliveryList` of the API. */
export type DeliveryList = {
  items: DeliveryView[];
  nextCursor: null;
};

/** `WebhookTestView` of the API. */
export type WebhookTestView = {
  ok: boolean;
  status: number | null;
  error: string;
  tookMs: number;
};

/** `RoomOptions` of the API. */
export type RoomOptions = {
  /** people without an account may enter */
  guests: boolean;
  /** new people wait until a moderator lets them in */
  approve: boolean;
  /** who plays, pauses and seeks; permissions of persons are added to it */
  control: 'everyone' | 'moderators';
  /** at the end of an entry: the next one of its folder, or pause */
  atEnd: 'next' | 'pause';
  /** the room pauses for a member without media, 10 s at most */
  waitForSlow: boolean;
  /** between two messages of a member; 0: off */
  slowModeSeconds: number;
  /** chat outlives the media that it was written to */
  keepChat: boolean;
  /** permission bits of the roles */
  masks: {
    /** permission bits, see docs/7-together/permissions.md */
    guest: number;
    /** permission bits, see docs/7-together/permissions.md */
    member: number;
    /** permission bits, see docs/7-together/permissions.md */
    moderator: number;
  };
};

/** `RoomView` of the API. */
export type RoomView = {
  id: string;
  name: string;
  owner: {
    id: string;
    name: string;
  };
  visibility: 'public' | 'unlisted';
  hasPassword: boolean;
  capacity: number | null;
  /** people who are in the room */
  present: number;
  playing: string | null;
  still: string | null;
  /** what plays is shown to people who may enter: not before its password, approval or sign-in, nor when banned */
  playingHidden: boolean;
  options: RoomOptions;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
  expiresAt: string | null;
};

/** `RoomList` of the API. */
export type RoomList = {
  items: RoomView[];
  nextCursor: string | null;
};

/** `RoomOptionsPatch` of the API. */
export type RoomOptionsPatch = {
  /** people without an account may enter */
  guests?: boolean;
  /** new people wait until a moderator lets them in */
  approve?: boolean;
  /** who plays, pauses and seeks; permissions of persons are added to it */
  control?: 'everyone' | 'moderators';
  /** at the end of an entry: the next one of its folder, or pause */
  atEnd?: 'next' | 'pause';
  /** the room pauses for a member without media, 10 s at most */
  waitForSlow?: boolean;
  /** between two messages of a member; 0: off */
  slowModeSeconds?: number;
  /** chat outlives the media that it was written to */
  keepChat?: boolean;
  /** permission bits of the roles */
  masks?: {
    /** permission bits, see docs/7-together/permissions.md */
    guest: number;
    /** permission bits, see docs/7-together/permissions.md */
    member: number;
    /** permission bits, see docs/7-together/permissions.md */
    moderator: number;
  };
};

/** `NewRoom` of the API. */
export type NewRoom = {
  name: string;
  visibility?: 'public' | 'unlisted';
  /** null: none. Everyone but moderators has to give a changed one. */
  password?: string | null;
  /** most people; null: as in the setting `rooms.capacity`, which no room exceeds */
  capacity?: number | null;
  /** when the room is deleted: an instant, or a duration from now as `48h`; null: when it is not used */
  expiresAt?: string | null;
  options?: RoomOptionsPatch;
};

/** `RoomPatch` of the API. */
export type RoomPatch = {
  name?: string;
  visibility?: 'public' | 'unlisted';
  /** null: none. Everyone but moderators has to give a changed one. */
  password?: string | null;
  /** most people; null: as in the setting `rooms.capacity`, which no room exceeds */
  capacity?: number | null;
  /** when the room is deleted: an instant, or a duration from now as `48h`; null: when it is not used */
  expiresAt?: string | null;
  options?: RoomOptionsPatch;
};

/** `MemberView` of the API. */
export type MemberView = {
  /** id of the user */
  user: string;
  name: string;
  role: 'owner' | 'moderator' | 'member' | 'guest';
  state: 'active' | 'pending' | 'banned';
  /** permission bits, see docs/7-together/permissions.md */
  permissions: number;
  /** permission bits, see docs/7-together/permissions.md */
  allow: number;
  /** permission bits, see docs/7-together/permissions.md */
  deny: number;
  mutedUntil: string | null;
  /** connections to the room; 0: away */
  present: number;
  offsetMs: number | null;
  buffering: boolean;
};

/** `RoomJoin` of the API. */
export type RoomJoin = {
  password?: string;
};

/** `RoomMemberList` of the API. */
export type RoomMemberList = {
  items: MemberView[];
  nextCursor: null;
};

/** `RoomMemberPatch` of the API. */
export type RoomMemberPatch = {
  /** `owner` hands the room over */
  role?: 'owner' | 'moderator' | 'member';
  /** `active` lets in who waits, and ends a ban */
  state?: 'active' | 'banned';
  /** permission bits */
  allow?: number;
  /** permission bits */
  deny?: number;
  /** an instant, or a duration from now as `10m`; null: not any more */
  mutedUntil?: string | null;
};

/** `ItemTarget` of the API. */
export type ItemTarget =
  | {
      kind: 'folder';
    }
  | {
      kind: 'stream';
      /** name of the stream */
      stream: string;
      /** names of further streams that are shown beside it, at the same programme time */
      beside?: string[];
    }
  | {
      kind: 'range';
      stream: string;
      /** unix ms */
      fromMs: number;
      /** unix ms */
      toMs: number;
      /** names of further streams that are shown beside it, at the same programme time */
      beside?: string[];
    }
  | {
      kind: 'asset';
      asset: string;
    }
  | {
      kind: 'link';
      /** http or https */
      url: string;
      /** by its media type if it is missing */
      type?: 'hls' | 'dash' | 'file';
      /** through this server */
      proxy?: boolean;
      live?: boolean;
      /** request headers of the proxy; only its author and moderators see them */
      headers?: Readonly<Record<string, string>>;
      subtitles?: {
        name: string;
        url: string;
      }[];
    }
  | {
      kind: 'provider';
      /** id of the account at a media server */
      provider: string;
      /** id or path there */
      entry: string;
    };

/** `RoomItem` of the API. */
export type RoomItem = {
  id: string;
  /** id of the folder; null: at the top */
  parent: string | null;
  name: string;
  target: ItemTarget;
  /** id of the user */
  addedBy: string;
  addedByName: string;
  /** path of the HLS playlist, with a playback token where one is needed; null: not media of this server */
  address: string | null;
  /** the same for each stream beside it */
  beside?: {
    stream: string;
    address: string;
  }[];
};

/** `RoomItemList` of the API. */
export type RoomItemList = {
  items: RoomItem[];
  nextCursor: null;
};

/** `NewRoomItems` of the API. */
export type NewRoomItems = {
  items: {
    /** empty: that of the media */
    name?: string;
    target: ItemTarget;
    /** id of the folder; null: the top */
    parent?: string | null;
  }[];
  /** id of the entry that follows; null: at the end */
  before?: string | null;
};

/** `RoomItemPatch` of the API. */
export type RoomItemPatch = {
  /** empty: that of the media */
  name?: string;
  target?: ItemTarget;
  /** id of the folder; null: the top */
  parent?: string | null;
  /** id of the entry that follows; null: at the end */
  before?: string | null;
};

/** `RoomItemMove` of the API. */
export type RoomItemMove = {
  items: string[];
  /** id of the folder; null: the top */
  parent: string | null;
  /** id of the entry that follows; null: at the end */
  before: string | null;
};

/** `RoomState` of the API. */
export type RoomState = {
  /** commands carry the one that their author saw */
  rev: number;
  /** id of the entry that plays */
  item: string | null;
  playing: boolean;
  rate: number;
  /** position at `anchorServer`, ms: UTC in streams, from the start otherwise */
  anchorMedia: number;
  /** server time, unix ms; it may be a moment in the future */
  anchorServer: number;
  /** at the live edge */
  live: boolean;
  /** id of the user whose command it was; empty: the server */
  by: string;
  /** ids of the users without media that the room waits for */
  waitingFor?: string[];
};

/** `RoomStateNow` of the API. */
export type RoomStateNow = {
  state: RoomState;
  /** unix ms */
  serverMs: number;
  /** now */
  positionMs: number;
};

/** `RoomCommand` of the API. */
export type RoomCommand = {
  rev: number;
  do: 'play' | 'pause' | 'seek' | 'rate' | 'item' | 'live';
  positionMs?: number;
  rate?: number;
  item?: string | null;
};

/** `RoomMessage` of the API. */
export type RoomMessage = {
  /** order in the room; there may be gaps */
  seq: number;
  /** the author's client chose it */
  id: string;
  kind: 'chat' | 'danmaku' | 'notice';
  /** id of the user; empty: a deleted account, or the server */
  author: string;
  name: string;
  /** empty if it was deleted */
  text: string;
  /** unix ms */
  sentMs: number;
  /** `seq` of the message that it answers */
  replyTo?: number;
  /** id of the entry that played */
  item?: string;
  /** position in its media: unix ms in streams, ms from the start otherwise */
  atMs?: number;
  /** of danmaku, `#rrggbb` */
  color?: string;
  mode?: 'scroll' | 'top' | 'bottom';
  /** ids of users */
  mentions?: string[];
  /** ids of users by emoji */
  reactions?: Readonly<Record<string, string[]>>;
  deleted?: boolean;
};

/** `RoomHistoryPage` of the API. */
export type RoomHistoryPage = {
  items: RoomMessage[];
  /** there are older messages */
  hasMore: boolean;
};

/** `RoomReplayPage` of the API. */
export type RoomReplayPage = {
  items: RoomMessage[];
  nextCursor: string | null;
};

/** `RoomPoll` of the API. */
export type RoomPoll = {
  id: string;
  question: string;
  choices: {
    text: string;
    votes: number;
  }[];
  /** several choices at a time */
  multiple: boolean;
  /** id of the user; empty: a deleted account */
  by: string;
  closed: boolean;
  /** choices of the reader; without it, in what is sent to everyone, they are as before */
  own?: number[];
};

/** `RoomPollList` of the API. */
export type RoomPollList = {
  items: RoomPoll[];
  nextCursor: null;
};

/** `NewRoomPoll` of the API. */
export type NewRoomPoll = {
  question: string;
  choices: string[];
  /** several choices at a time; default: one */
  multiple?: boolean;
};

/** `MediaServerView` of the API. */
export type MediaServerView = {
  id: string;
  kind: 'webdav' | 'jellyfin' | 'emby' | 'alist' | 'bilibili';
  name: string;
  url: string;
  /** RFC 3339, UTC, milliseconds */
  createdAt: string;
};

/** `MediaServerList` of the API. */
export type MediaServerList = {
  items: MediaServerView[];
  nextCursor: null;
};

/** `NewMediaServer` of the API. */
export type NewMediaServer = {
  kind: 'webdav' | 'jellyfin' | 'emby' | 'alist' | 'bilibili';
  /** default: the host */
  name?: string;
  /** http or https; not needed for `bilibili` */
  url?: string;
  username?: string;
  /** for `bilibili`: the cookie SESSDATA */
  password?: string;
};

/** `MediaServerPatch` of the API. */
export type MediaServerPatch = {
  name?: string;
  username?: string;
  /** signs in again, with `username` */
  password?: string;
};

/** `MediaServerEntry` of the API. */
export type MediaServerEntry = {
  /** `entry` of a playlist entry, or `folder` of the next list */
  id: string;
  name: string;
  isFolder: boolean;
  /** seconds */
  duration?: number;
  /** bytes */
  size?: number;
};

/** `MediaServerEntryList` of the API. */
export type MediaServerEntryList = {
  items: MediaServerEntry[];
  nextCursor: string | null;
};

/** `ItemSource` of the API. */
export type ItemSource = {
  /** an address elsewhere, or of the media proxy of this server */
  url: string;
  type: 'hls' | 'dash' | 'file';
  live: boolean;
  subtitles: {
    name: string;
    /** WebVTT */
    url: string;
  }[];
};

/** `TimeView` of the API. */
export type TimeView = {
  /** RFC 3339, UTC, milliseconds */
  now: string;
};

/** `SystemView` of the API. */
export type SystemView = {
  version: string;
  node: string;
  /** RFC 3339, UTC, milliseconds */
  startedAt: string;
  /** RFC 3339, UTC, milliseconds */
  now: string;
  cpu: {
    /** CPU time of the process since it started */
    seconds: number;
    /** that the process may use */
    cores: number;
  };
  memory: {
    rss: number;
    heapUsed: number;
    external: number;
    arrayBuffers: number;
    shared: number;
  };
  disk: {
    free: number;
    total: number;
    recordings: number;
  };
  streams: number;
  children: {
    /** media engine processes */
    running: number;
    /** `isolated`: they have no network; `unavailable`: the system does not allow it */
    network: 'isolated' | 'unavailable' | 'off';
    detail: string;
  };
  /** paths of changed settings that need a restart */
  waitingForRestart: string[];
};

/** `VersionView` of the API. */
export type VersionView = {
  name: 'oxbow';
  version: string;
};

/** `ClusterNodeView` of the API. */
export type ClusterNodeView = {
  /** `cluster.node` */
  name: string;
  /** where the other nodes reach it: `cluster.url` */
  url: string;
  /** of oxbow, when it started last */
  version: string;
  roles: ('ingest' | 'serve' | 'worker' | 'rooms')[];
  /** `draining`: it is being stopped; `dead`: it was stopped, or does not renew its lease */
  state: 'alive' | 'draining' | 'dead';
  /** since when it is in this state; alive: since its start */
  since: string | null;
  /** it is the node that answers this request */
  self: boolean;
  /** number of things that it owns: it alone runs and changes them */
  owns: {
    streams: number;
    rooms: number;
    assets: number;
    uploads: number;
  };
};

/** `NodeList` of the API. */
export type NodeList = {
  items: ClusterNodeView[];
  nextCursor: null;
};

/** `FolderView` of the API. */
export type FolderView = {
  name: string;
  path: string;
  problem: string | null;
  free: number;
  total: number;
  /** false: its streams are not recorded until there is more room */
  hasRoom: boolean;
  /** bytes per second by which the used space grew over the last day */
  growth: number;
  fullInSeconds: number | null;
};

/** `ObjectStoreView` of the API. */
export type ObjectStoreView = {
  /** in the settings */
  name: string;
  /** that the index has there */
  objects: number;
  bytes: number;
  /** recorded files that are old enough and not there yet */
  waiting: number;
  waitingBytes: number;
  problem: string | null;
};

/** `StorageView` of the API. */
export type StorageView = {
  free: number;
  total: number;
  /** of all streams */
  recordings: number;
  /** false: recording is paused until there is more room */
  hasRoom: boolean;
  /** bytes per second by which the used space grew over the last day; negative if it shrank */
  growth: number;
  /** seconds that the growth is measured over, at most a day */
  basisSeconds: number;
  fullInSeconds: number | null;
  levelsAt: number | null;
  /** further folders of recordings */
  folders: FolderView[];
  /** where recordings are copied or moved to */
  objectStores: ObjectStoreView[];
};

/** `SettingView` of the API. */
export type SettingView = {
  /** key in a configuration file: `record.keep`, `streams.door` */
  path: string;
  /** empty for streams and sign-in providers */
  description: string;
  /** as written in a configuration file */
  value: string;
  /** `default`, `browser`, `oxbow.yaml:3`, `OXBOW_KEEP`, `--keep`, `argument` */
  origin: string;
  reload: 'live' | 'restart';
  /** a changed value waits for the next start; `value` is the effective one */
  waits: boolean;
  /** it can be set over the API now: no file, variable or flag sets it */
  settable: boolean;
  /** as written in a configuration file; empty: none */
  defaultValue: string;
  /** all valid values, if they are few */
  choices: string[];
};

/** `SettingList` of the API. */
export type SettingList = {
  items: SettingView[];
  nextCursor: null;
};

/** by path; `null`: the default */
export type SettingTexts = Readonly<Record<string, string | null>>;

/** `LogLevelView` of the API. */
export type LogLevelView = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** `LogLineView` of the API. */
export type LogLineView = {
  /** increases from line to line, also over restarts */
  id: number;
  /** RFC 3339, UTC, milliseconds */
  at: string;
  level: LogLevelView;
  /** empty if the line is not about a stream */
  stream: string;
  message: string;
  /** all other fields, as `name=value` */
  detail: string;
};

/** `LogList` of the API. */
export type LogList = {
  items: LogLineView[];
  nextCursor: null;
};

/** `HealthView` of the API. */
export type HealthView = {
  status: 'ok' | 'degraded' | 'failing';
  version: string;
  checks: {
    name: string;
    status: 'ok' | 'degraded' | 'failing';
    detail?: string;
    tookMs: number;
  }[];
};

/** `LiveView` of the API. */
export type LiveView = {
  status: 'ok';
};
