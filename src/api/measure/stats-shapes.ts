/**
 * The JSON of a stream's figures: what its publisher sends now and sent in the past.
 * In: streams/measure. Out: `GET /streams/{name}/stats`, `…/stats/history`; the interface. Never a
 * publisher's address.
 */
import type { Static } from 'typebox';
import { Finding } from '../advice.ts';
import { StreamState } from '../shapes.ts';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const figure = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });

/** The figures of a stream now. */
export const StreamStats = Type.Object(
  {
    at: Time,
    state: StreamState,
    status: Type.Union([Finding.properties.severity, Type.Literal('none')], {
      description: 'the worst severity of the findings; `none` while nothing is published',
    }),
    publisher: Type.Union(
      [
        Type.Object({
          protocol: Type.String({
            description: '`rtmp`, `srt`, `rtp`, `whip`; for sources that oxbow reads: `pull`, `test`',
          }),
          since: Time,
          encoder: Type.Union([Type.String(), Type.Null()], { description: 'as the encoder names itself' }),
          standby: Type.Integer({ description: 'number of standby publishers' }),
          bytesIn: Type.Integer({ description: 'bytes on the connection; 0 where the protocol does not count them' }),
        }),
        Type.Null(),
      ],
      { description: 'null while no publisher is connected' },
    ),
    video: Type.Union(
      [
        Type.Object({
          codec: Type.String(),
          codecs: Type.String({ description: 'RFC 6381' }),
          convertedTo: Type.Union([Type.Literal('h264'), Type.Null()], {
            description: 'what is recorded and played in its place; null if it is not converted',
          }),
          width: Type.Integer(),
          height: Type.Integer(),
          bitrate: Type.Integer({ description: 'bit/s, over ten seconds' }),
          peakBitrate: Type.Integer({ description: 'bit/s of the largest second of the last minute' }),
          frameRate: Type.Number({ description: 'frames a second, over ten seconds' }),
          irregular: Type.Number({ description: 'share of frames at irregular intervals, 0 to 1' }),
          keyFrameInterval: figure('longest distance of two key frames in the last minute, seconds'),
          gopFrames: Type.Union([Type.Integer(), Type.Null()], { description: 'frames of the last complete GOP' }),
          sinceKeyFrame: Type.Number({ description: 'seconds of media since the last key frame' }),
          largestFrame: Type.Integer({ description: 'bytes of the largest frame of the last minute' }),
          bFrames: Type.Boolean(),
          silent: Type.Number({ description: 'seconds since the last frame' }),
        }),
        Type.Null(),
      ],
      { description: 'null while there is no video' },
    ),
    audio: Type.Union(
      [
        Type.Object({
          codec: Type.String({ description: 'what the publisher sends, e.g. `aac` or `mp2`' }),
          codecs: Type.String({ description: 'RFC 6381' }),
          convertedTo: Type.Union([Type.Literal('aac'), Type.Null()], {
            description: 'what is recorded and played in its place; null if it is not converted',
          }),
          sampleRate: Type.Integer(),
          channels: Type.Integer(),
          bitrate: Type.Integer({ description: 'bit/s, over ten seconds' }),
          silent: Type.Number({ description: 'seconds since the last frame' }),
        }),
        Type.Null(),
      ],
      { description: 'null while there is no audio' },
    ),
    announced: Type.Object(
      {
        videoBitrate: figure('bit/s'),
        audioBitrate: figure('bit/s'),
        frameRate: figure('frames a second'),
        keyFrameInterval: figure('seconds'),
      },
      { description: 'what the encoder says of itself; null where it says nothing' },
    ),
    link: Type.Object(
      {
        bitrate: figure('bit/s on the connection, over ten seconds'),
        capacity: figure('bit/s that the path can carry, as the protocol estimates'),
        rtt: figure('round trip time, ms'),
        latency: figure('agreed latency (SRT), ms'),
        buffer: figure('media that waits in the receive buffer of the protocol, ms'),
        loss: figure('share of packets that the network lost in the last minute, repaired or not, 0 to 1'),
        lost: figure('packets that the network lost in the last minute, repaired or not'),
        retransmitted: figure('packets that came because they were sent again, in the last minute'),
        dropped: figure('packets that never came in time, in the last minute'),
        links: Type.Array(
          Type.Object({
            number: Type.Integer({ description: '1 and above; a link that comes back has its number again' }),
            up: Type.Boolean({ description: 'whether it was heard in the last 4 s' }),
            rtt: figure('round trip time, ms'),
            bitrate: Type.Integer({ description: 'bit/s over ten seconds' }),
            loss: figure('estimated share of its packets that were lost in the last minute, 0 to 1'),
            lost: Type.Integer({ description: 'estimated packets that were lost on it in the last minute' }),
          }),
          { description: 'the links of a bonded publisher (SRTLA); empty for others' },
        ),
      },
      { description: 'null where the protocol does not know' },
    ),
    arrival: Type.Object(
      {
        jitter: figure('smoothed difference between the intervals of arrival and of the media, ms'),
        longestPause: figure('longest time without a frame in the last minute, ms'),
        audioBehind: Type.Union([Type.Object({ least: Type.Number(), most: Type.Number() }), Type.Null()], {
          description: 'how far audio arrived after its video in the last minute, ms of media; negative: before it',
        }),
        skew: figure('how far the wall clock is ahead of the time of the media since the run began, ms'),
      },
      { description: 'null for sources that come in bursts' },
    ),
    counts: Type.Object({
      backwards: Type.Integer({ description: 'frames whose timestamp ran backwards, in the last minute' }),
      damaged: Type.Integer({ description: 'damaged places in the media, in the last minute' }),
      sizeChanges: Type.Integer({ description: 'changes of the size of the picture, in the last minute' }),
    }),
    recent: Type.Object(
      {
        bitrate: Type.Array(Type.Integer(), { description: 'bit/s of video and audio' }),
        frameRate: Type.Array(Type.Number()),
      },
      { description: 'the seconds of the last minute, oldest first' },
    ),
    content: Type.Object(
      {
        absent: Type.String({ description: 'why pictures and sound are not checked; empty if they are' }),
        dark: figure('share of the picture that is dark, percent'),
        change: figure('largest change of a small picture since the key frame before, 0 to 255'),
        level: figure('level of the sound, dB of full scale, -120 to 0'),
        peak: figure('its highest sample, dB of full scale'),
        clipped: figure('share of its samples at full scale, percent'),
      },
      { description: 'what a key frame and a second of sound showed last; null before the first' },
    ),
    viewers: Type.Integer(),
    findings: Type.Array(Finding, { description: 'what is good, and what to change' }),
  },
  { $id: 'StreamStats' },
);
export type StreamStats = Static<typeof StreamStats>;

const Series = (description: string) => Type.Array(Type.Union([Type.Number(), Type.Null()]), { description });

/** The figures of a stream over time. */
export const StatsHistory = Type.Object(
  {
    from: Type.String({ ...Time, description: 'start of the first step' }),
    to: Type.String({ ...Time, description: 'end of the last step' }),
    res: Type.Integer({ description: 'length of a step, seconds' }),
    series: Type.Object(
      {
        videoBitrate: Series('bit/s'),
        audioBitrate: Series('bit/s'),
        bitrateIn: Series('bit/s on the connection, with its overhead and repeated packets'),
        frameRate: Series('frames a second'),
        keyFrameInterval: Series('longest distance of two key frames, seconds'),
        rtt: Series('highest round trip time, ms'),
        jitter: Series('highest jitter of the arrival, ms'),
        loss: Series('share of packets that the network lost, repaired or not, 0 to 1'),
        retransmitted: Series('packets that came because they were sent again'),
        dropped: Series('packets that never came in time'),
        damaged: Series('damaged places in the media'),
        viewers: Series('most viewers at the same time'),
        avOffset: Series('how far audio has moved after the picture since the run began, ms; see `sync`'),
        skew: Series('how far the wall clock is ahead of the time of the media since the run began, ms'),
        dark: Series('share of the picture that is dark, percent; near 100: black'),
        pictureChange: Series(
          'largest change of a small picture from one key frame to the next, 0 to 255; near 0: frozen',
        ),
        soundLevel: Series('level of the sound, dB of full scale, -120 to 0'),
      },
      { description: 'one value for each step; null where nothing was measured' },
    ),
    links: Type.Array(
      Type.Object({
        number: Type.Integer({ description: '1 and above' }),
        bitrate: Series('bit/s over this link'),
        loss: Series('estimated share of its packets that were lost, repaired or not, 0 to 1'),
        rtt: Series('highest round trip time, ms'),
      }),
      { description: 'the links of bonded publishers (SRTLA) in this time; empty for others' },
    ),
  },
  { $id: 'StatsHistory' },
);
export type StatsHistory = Static<typeof StatsHistory>;
