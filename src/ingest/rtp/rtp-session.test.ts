import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import {
  PacketWriter,
  PMT,
  PPS,
  printPat,
  printPmt,
  printSlice,
  printSps,
  printUnit,
  VIDEO,
} from '@oxbow/media/mpegts/packets.fixture';
import { seeded } from '@oxbow/media/random.fixture';
import { printRtp } from '@oxbow/media/rtp/packet';
import { parseRtcp } from '@oxbow/media/rtp/rtcp';
import type { SourceFacts } from '../../api/source-facts.ts';
import { AUDIO_SSRC, avSdp, mediaOf, openPublisher, picture, report, sound, tsSdp, VIDEO_SSRC } from './rtp.fixture.ts';
import { RTP_TICK_MS, RtpSession, type RtpSessionOptions } from './rtp-session.ts';

function openSession(sdp: string, more: Partial<RtpSessionOptions> = {}) {
  const opened = openPublisher();
  const { publisher, clock } = opened;
  const facts: SourceFacts[] = [];
  const session = new RtpSession({
    media: mediaOf(sdp),
    input: publisher,
    clock,
    protocol: 'rtp',
    assemblyMs: 200,
    isSeparate: true,
    onFacts: (found) => facts.push(found),
    ...more,
  });
  return { ...opened, session, facts };
}

/** Picture and sound in real time, with a report of each at the start. */
function live({ session, clock }: Pick<ReturnType<typeof openSession>, 'session' | 'clock'>, from: number, to: number) {
  for (let n = from; n < to; n++) {
    if (n === from) {
      session.receive(0, report(VIDEO_SSRC, n * 3600, clock.nowMs()));
      session.report(1, report(AUDIO_SSRC, n * 1920, clock.nowMs()));
    }
    session.receive(0, picture(n));
    for (const half of [0, 1]) {
      session.receive(1, sound(2 * n + half));
      clock.advance(RTP_TICK_MS);
      session.tick();
    }
  }
}

const rtcpOf = (session: RtpSession) =>
  session.tick().flatMap(({ mediaIndex, packet }) => parseRtcp(packet).map((each) => ({ mediaIndex, ...each })));

suite('a session of RTP', () => {
  test('two media are two tracks of one run, and frames follow', () => {
    const opened = openSession(avSdp);
    live(opened, 0, 50);
    opened.session.end();
    const { published, facts, session } = opened;
    assert.deepEqual(
      published.starts.map((tracks) => tracks.map(({ id, kind }) => [id, kind])),
      [
        [
          [1, 'video'],
          [2, 'audio'],
        ],
      ],
    );
    const of = (id: number) => published.frames.filter(({ trackId }) => trackId === id).length;
    assert.deepEqual([of(1), of(2)], [50, 100]);
    assert.deepEqual([session.frames, session.stats.packets], [150, 150]);
    assert.deepEqual(published.damage, []);
    assert.equal(facts.at(-1)?.protocol, 'rtp');
  });

  test('the input of a pull gets a run with its first frame', () => {
    const { publisher, published, clock } = openPublisher();
    const { startTracks: _, ...input } = publisher as typeof publisher & { startTracks: unknown };
    const media = mediaOf(avSdp);
    const session = new RtpSession({
      media,
      input,
      clock,
      protocol: 'rtsp',
      assemblyMs: 200,
      isSeparate: true,
    });
    live({ session, clock }, 0, 25);
    session.end();
    assert.equal(published.runs.length, 1);
    const [run] = published.runs;
    assert.deepEqual([run!.tracks.length, run!.clock, run!.pace.kind], [2, 'arrival', 'continuous']);
    assert.ok(published.frames.length >= 74);
  });

  test('media that are not usable are named, and their packets ignored', () => {
    const sdp = avSdp.replace('opus/48000/2', 'L16/48000/2');
    const opened = openSession(sdp);
    live(opened, 0, 25);
    opened.session.end();
    assert.deepEqual(opened.published.leftOut.at(-1), [{ kind: 'audio', name: 'PCM audio' }]);
    assert.deepEqual(opened.facts.at(-1)?.leftOut, [{ kind: 'audio', name: 'PCM audio' }]);
    assert.ok(opened.published.frames.every(({ trackId }) => trackId === 1));
    assert.equal(opened.published.frames.length, 25);
  });

  test('each media has its own reports where they are separate; otherwise one has all', () => {
    for (const isSeparate of [true, false]) {
      const opened = openSession(avSdp, { isSeparate });
      live(opened, 0, 10);
      opened.clock.advance(1000);
      const reports = rtcpOf(opened.session).filter(({ type }) => type === 'receiverReport');
      assert.deepEqual(
        reports.map((each) => [
          each.mediaIndex,
          each.type === 'receiverReport' ? each.reports.map(({ ssrc }) => ssrc) : [],
        ]),
        isSeparate
          ? [
              [0, [VIDEO_SSRC]],
              [1, [AUDIO_SSRC]],
            ]
          : [[0, [VIDEO_SSRC, AUDIO_SSRC]]],
      );
    }
  });

  test('a key frame is requested if the SDP has nack pli', () => {
    for (const sdp of [avSdp, avSdp.replace('a=rtcp-fb:96 nack pli\r\n', '')]) {
      const opened = openSession(sdp);
      live(opened, 0, 10);
      opened.clock.advance(1000);
      opened.session.requestKeyFrame();
      const requests = rtcpOf(opened.session).filter(({ type }) => type === 'pictureLoss');
      assert.deepEqual(
        requests.map(({ mediaIndex }) => mediaIndex),
        sdp === avSdp ? [0] : [],
      );
    }
  });

  test('media of one port are recognised by their payload types', () => {
    const opened = openSession(avSdp, { isSeparate: false });
    for (let n = 0; n < 100; n++) {
      opened.session.receive(undefined, picture(n));
      opened.session.receive(undefined, sound(2 * n));
      opened.session.receive(undefined, sound(2 * n + 1));
      opened.clock.advance(40);
      opened.session.tick();
    }
    opened.session.end();
    assert.equal(opened.published.frames.length, 300);
  });

  test('two media with one SSRC are two sources, because their ports differ (RFC 3550 8.2)', () => {
    const opened = openSession(avSdp);
    for (let n = 0; n < 100; n++) {
      opened.session.receive(0, picture(n));
      for (const half of [0, 1]) {
        const packet = sound(2 * n + half);
        new DataView(packet.buffer).setUint32(8, VIDEO_SSRC);
        opened.session.receive(1, packet);
      }
      opened.clock.advance(40);
      opened.session.tick();
    }
    opened.session.end();
    const of = (id: number) => opened.published.frames.filter(({ trackId }) => trackId === id).length;
    assert.deepEqual([of(1), of(2)], [100, 200]);
  });

  test('MPEG-TS has its own tracks; after a pause another encoder may send (RFC 2250)', () => {
    const { session, clock, published, facts } = openSession(tsSdp);
    const writer = new PacketWriter();
    let sequence = 0;
    const send = (bytes: Uint8Array) => {
      const header = { payloadType: 33, marker: false, timestamp: 0, ssrc: 7 };
      for (let at = 0; at < bytes.length; at += 1316) {
        session.receive(
          0,
          printRtp({ ...header, sequence: sequence++ & 0xffff, payload: bytes.subarray(at, at + 1316) }),
        );
      }
    };
    const play = () => {
      send(writer.section(0, printPat()));
      send(writer.section(PMT, printPmt([[0x1b, VIDEO]])));
      for (let n = 0; n < 50; n++) {
        send(writer.pes(VIDEO, printUnit(printSps(), PPS, printSlice(n % 25 === 0)), { pts: 90_000 + n * 3600 }));
        clock.advance(40);
        session.tick();
      }
    };
    play();
    for (let ms = 0; ms < 3000; ms += RTP_TICK_MS) {
      clock.advance(RTP_TICK_MS);
      session.tick();
    }
    play();
    session.end();
    assert.equal(published.frames.length, 100);
    assert.equal(session.frames, 100);
    assert.deepEqual([facts.at(-1)?.protocol, facts.at(-1)?.container], ['rtp', 'mpegts']);
    assert.equal(published.starts.length, 2);
  });

  test('8,000 random datagrams on any port: damage or FormatError, nothing else (seeded)', () => {
    for (const sdp of [avSdp, tsSdp]) {
      const below = seeded(3);
      const opened = openSession(sdp);
      for (let n = 0; n < 4000; n++) {
        const packet = below(3) === 0 ? picture(n) : Uint8Array.from({ length: below(80) }, () => below(256));
        if (below(2) === 0) packet[0] = 0x80 | (packet[0] ?? 0);
        if (packet.length > 1 && below(2) === 0) packet[1] = [96, 97, 33, 200, 201, 203, 205][below(7)]!;
        for (let damage = below(4); damage > 0; damage--) packet[below(packet.length || 1)] = below(256);
        try {
          if (below(4) === 0) opened.session.report(below(3), packet);
          else opened.session.receive(below(4) === 3 ? undefined : below(3), packet);
          opened.clock.advance(below(30));
          if (below(3) === 0) opened.session.tick();
        } catch (error) {
          assert.ok(error instanceof FormatError, String((error as Error).stack));
        }
      }
      opened.session.end();
      assert.ok(opened.published.damage.length > 100);
    }
  });
});
