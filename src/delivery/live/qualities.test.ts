import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import { named, parseXml } from '../../../test/conformance/mpd.ts';
import { type LiveAddress, parseMediaAddress } from '../../api/media-address.ts';
import { MemorySegmentStore } from '../../archive/memory-segment-store.fixture.ts';
import { openRangeReader } from '../../archive/range-reader.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../../live/frames.fixture.ts';
import { createFollowerRig, Repacketizer } from '../../packager/follower.fixture.ts';
import { firstOpenOf, lastSealedOf } from '../../packager/live-segment.ts';
import { continuous, createPackagerRig } from '../../packager/packager.fixture.ts';
import { EncryptedReplies } from '../encryption/encrypted-replies.ts';
import type { Reply } from '../reply.ts';
import type { ServedLiveStream } from '../served-stream.ts';
import { createLiveLookup } from './live-lookup.ts';
import { findWindow } from './quality-window.ts';
import { SegmentCache } from './segment-cache.ts';

const tracks = [videoTrack(), audioTrack()];

/** A stream with a quality whose frames come half a second later. */
function openStream(seconds = 12, rung = '180') {
  const rig = createPackagerRig();
  const { follower, list } = createFollowerRig(rig, undefined, rung);
  const encoder = new Repacketizer(follower, 0.5);
  rig.stream.sinks.attach(encoder, { name: 'encoder' });
  const horizonUs = () => 0;
  const stream: ServedLiveStream = {
    name: 'door',
    list: rig.list,
    horizonUs,
    qualities: new Map([[rung, { name: `door~${rung}`, list, horizonUs }]]),
  };
  const cache = new SegmentCache(openRangeReader(new MemorySegmentStore()));
  const encrypted = new EncryptedReplies({ reader: openRangeReader(new MemorySegmentStore()) });
  const find = (name: string) => findWindow((one) => (one === 'door' ? stream : undefined), name);
  const lookup = createLiveLookup(find, cache, encrypted);
  const frames = interleave(tracks, [
    videoFrames({ track: tracks[0]!, seconds, rate: 25, gopS: 1 }),
    audioFrames({ track: tracks[1]!, seconds }),
  ]);
  return {
    rig,
    encoder,
    follower,
    list,
    publish(from: number, to: number) {
      if (from === 0) rig.stream.startRun(continuous(tracks));
      for (const frame of frames.slice(from, to)) rig.stream.publish(frame);
    },
    get(path: string) {
      const [where, query] = path.split('?');
      return lookup.find(parseMediaAddress(`/live/door/${where}`) as LiveAddress, new URLSearchParams(query)) as Reply;
    },
  };
}

const textOf = ({ body }: Reply) => body.map((part) => Buffer.from(part as Uint8Array).toString()).join('');
const bytesOf = ({ body }: Reply) => Buffer.concat(body.map((part) => part as Uint8Array));

suite('derived qualities of a live stream', () => {
  test('are variants of the Multivariant Playlist, each with its own RESOLUTION, FRAME-RATE, BANDWIDTH and CODECS (4.4.6.2)', () => {
    const stream = openStream();
    stream.publish(0, 500);
    const parsed = parsePlaylist(textOf(stream.get('index.m3u8')));
    assert.ok(parsed.kind === 'multivariant');
    const [source, small] = parsed.playlist.variants;
    assert.equal(parsed.playlist.variants.length, 2);
    assert.deepEqual([source!.uri, small!.uri], ['av0/g1.m3u8', 'av0-180/g1.m3u8']);
    assert.deepEqual(small!.resolution, { width: 320, height: 180 });
    assert.equal(small!.codecs, 'avc1.64000d,mp4a.40.2');
    assert.ok(small!.bandwidth > 0 && small!.bandwidth < source!.bandwidth);
  });

  test('say what they needed in the last hour, once it is known: a cap is seldom reached (4.4.6.2, AVERAGE-BANDWIDTH)', () => {
    const stream = openStream(40);
    const listed = () => {
      const parsed = parsePlaylist(textOf(stream.get('index.m3u8')));
      assert.ok(parsed.kind === 'multivariant');
      const { bandwidth, averageBandwidth } = parsed.playlist.variants.find(({ uri }) => uri.includes('-180'))!;
      return { bandwidth, averageBandwidth };
    };
    stream.encoder.bandwidth = 4_000_000;
    stream.publish(0, 300);
    assert.ok(listed().bandwidth > 4_000_000 && listed().averageBandwidth === undefined);
    stream.publish(300, 2500);
    // Of the video and of the sound beside it, within the steps of lists.
    const sealed = stream.list.segments.filter((segment) => segment.sealed);
    const bits = sealed
      .flatMap((segment) => [...segment.sealed!.tracks.values()])
      .reduce((sum, { length }) => sum + 8 * length, 0);
    const average = bits / sealed.reduce((sum, segment) => sum + segment.sealed!.durationUs / 1e6, 0);
    const { bandwidth, averageBandwidth } = listed();
    assert.ok(
      averageBandwidth! > 0.85 * average && averageBandwidth! < 1.25 * average,
      `${averageBandwidth} of ${average}`,
    );
    assert.ok(bandwidth >= average && bandwidth < 2 * average, `${bandwidth} of ${average}`);
    // A DASH manifest is loaded again and again: it keeps what it announced.
    assert.match(
      textOf(stream.get('index.mpd')),
      /id="v0-180"[^>]* bandwidth="4000000"|bandwidth="4000000"[^>]* id="v0-180"/,
    );
  });

  test('are Representations of the same AdaptationSet in the DASH manifest, with numbers and times of the stream', () => {
    const stream = openStream();
    stream.publish(0, 500);
    const manifest = textOf(stream.get('index.mpd'));
    const [period, ...more] = named(parseXml(manifest), 'Period');
    assert.equal(more.length, 0);
    const [video, audio] = named(period!, 'AdaptationSet').map((set) => named(set, 'Representation'));
    assert.deepEqual(
      [video, audio].map((set) => set!.map(({ attributes }) => attributes.id)),
      [['v0', 'v0-180'], ['a0']],
    );
    const [source, small] = video!.map((one) => ({
      ...one.attributes,
      ...named(one, 'SegmentTemplate')[0]!.attributes,
    }));
    assert.equal(small!.startNumber, source!.startNumber);
    assert.equal(small!.presentationTimeOffset, source!.presentationTimeOffset);
    assert.deepEqual([small!.width, small!.height, small!.media], ['320', '180', 'v0-180/$Number$.m4s']);
    assert.ok(Number(small!.bandwidth) > 1 && Number(small!.bandwidth) < Number(source!.bandwidth));
    const [init] = /init-\d+/.exec(small!.initialization!)!;
    assert.equal(init, `init-${lastSealedOf(stream.list.segments)!.init.number}`);
    const times = video!.map((one) => named(named(named(one, 'SegmentTemplate')[0]!, 'SegmentTimeline')[0]!, 'S'));
    assert.equal(times[1]![0]!.attributes.t, times[0]![0]!.attributes.t);
  });

  test('one that takes the place of the source is listed in place of it, and the source while it has no media', () => {
    for (const rung of ['360-full', '360-full-live']) {
      const stream = openStream(24, rung);
      stream.publish(0, 500);
      const listed = () => {
        const parsed = parsePlaylist(textOf(stream.get('index.m3u8')));
        assert.ok(parsed.kind === 'multivariant');
        return parsed.playlist.variants.map(({ uri }) => uri);
      };
      assert.deepEqual(listed(), [`av0-${rung}/g1.m3u8`]);
      const [period] = named(parseXml(textOf(stream.get('index.mpd'))), 'Period');
      const ids = named(period!, 'AdaptationSet').flatMap((set) =>
        named(set, 'Representation').map((one) => one.attributes.id),
      );
      assert.deepEqual(ids, [`v0-${rung}`, 'a0']);
      assert.match(textOf(stream.get('av0/g1.m3u8')), /#EXTINF/, 'the source keeps its address');
      stream.encoder.drops = () => true;
      stream.follower.stop();
      stream.publish(500, 800);
      assert.deepEqual(listed(), ['av0/g1.m3u8']);
    }
  });

  test('are listed with their open segment too, at most until the cuts of the stream are irregular (ISO 23009-1 5.3.9.6)', () => {
    const stream = openStream(32);
    /** Of the picture of the stream and of the quality: the last number, and availabilityTimeOffset. */
    const read = () => {
      const manifest = textOf(stream.get('index.mpd'));
      const root = parseXml(manifest);
      const [set] = named(named(root, 'Period')[0]!, 'AdaptationSet');
      const rows = named(set!, 'Representation').map((one) => {
        const [template] = named(one, 'SegmentTemplate');
        const times = named(named(template!, 'SegmentTimeline')[0]!, 'S');
        const count = times.reduce((sum, { attributes }) => sum + Number(attributes.r ?? 0) + 1, 0);
        const last = Number(template!.attributes.startNumber) + count - 1;
        return { last, early: template!.attributes.availabilityTimeOffset !== undefined };
      });
      return { rows, publishedMs: Date.parse(root.attributes.publishTime!), manifest };
    };
    let before = { publishedMs: 0, manifest: '' };
    let openListed = 0;
    for (let from = 0; from < 2200; from += 4) {
      stream.publish(from, from + 4);
      if (from < 1800) continue;
      const now = read();
      assert.ok(now.manifest === before.manifest || now.publishedMs > before.publishedMs, 'published later');
      before = now;
      const [source, small] = now.rows;
      assert.ok(source!.early && small!.early);
      const open = stream.list.segments.find(({ sealed }) => !sealed);
      assert.ok(small!.last <= source!.last);
      if (open && small!.last === open.msn) openListed++;
      // What is listed can be requested: it has a part.
      else assert.equal(small!.last, lastSealedOf(stream.list.segments)!.msn);
    }
    assert.ok(openListed > 10, String(openListed));
  });

  test('have playlists with the MSNs and dates of the stream, and parts and segments with its audio', () => {
    const stream = openStream();
    stream.publish(0, 500);
    const lists = ['av0', 'av0-180'].map((id) => {
      const parsed = parsePlaylist(textOf(stream.get(`${id}/g1.m3u8`)));
      assert.ok(parsed.kind === 'media');
      return parsed.playlist;
    });
    const [source, small] = lists;
    assert.equal(small!.mediaSequence, source!.mediaSequence);
    const facts = (list: typeof small, count: number) =>
      [...list!.segments]
        .slice(0, count)
        .map(({ durationS, programDateTimeMs, discontinuity }) => [durationS, programDateTimeMs, discontinuity]);
    const count = [...small!.segments].filter(({ uri }) => uri !== '').length;
    assert.ok(count > 2);
    assert.deepEqual(facts(small, count), facts(source, count));
    assert.equal(small!.partTargetS, source!.partTargetS);
    const { msn } = lastSealedOf(stream.list.segments)!;
    const segment = bytesOf(stream.get(`av0-180/${msn}.m4s`));
    assert.equal(
      segment.length,
      [...lastSealedOf(stream.list.segments)!.bytes!.values()].reduce((sum, { length }) => sum + length, 0),
    );
    assert.ok(bytesOf(stream.get(`v0-180/${msn}.m4s`)).length < segment.length);
    assert.ok(bytesOf(stream.get(`av0-180/${msn}.0.m4s`)).length > 0);
  });

  test('a blocking reload of one waits for its own parts, not for those of the stream', () => {
    const stream = openStream();
    stream.publish(0, 500);
    const open = firstOpenOf(stream.rig.list.segments)!;
    const count = open.parts.get(1)!.length;
    assert.ok('body' in stream.get(`av0/g1.m3u8?_HLS_msn=${open.msn}&_HLS_part=0`));
    const pending = stream.get(`av0-180/g1.m3u8?_HLS_msn=${open.msn}&_HLS_part=${count}`);
    assert.ok('look' in pending, 'it is half a second later');
    stream.publish(500, 600);
    assert.ok((pending as never as { look(): unknown }).look());
  });

  test('a quality without frames has GAP segments under the same MSNs, and is no variant until it returns (rule 15)', () => {
    const stream = openStream();
    stream.publish(0, 400);
    stream.encoder.drops = () => true;
    stream.follower.stop();
    stream.publish(400, 600);
    const parsed = parsePlaylist(textOf(stream.get('av0-180/g1.m3u8')));
    assert.ok(parsed.kind === 'media');
    const complete = [...parsed.playlist.segments].filter(({ uri }) => uri !== '');
    assert.equal(complete.at(-1)!.gap, true);
    assert.equal(parsed.playlist.mediaSequence + complete.length - 1, lastSealedOf(stream.rig.list.segments)!.msn);
    assert.ok(!textOf(stream.get('index.m3u8')).includes('av0-180'));
    assert.throws(() => stream.get(`v0-180/${lastSealedOf(stream.rig.list.segments)!.msn}.m4s`), { code: 'not-found' });
  });

  test('an unknown quality is left to the slow path, which refuses it', () => {
    const stream = openStream();
    stream.publish(0, 400);
    assert.equal(stream.get('av0-999/g1.m3u8'), undefined);
  });
});
