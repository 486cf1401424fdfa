import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openTimeZone } from '../../../api/local-time.ts';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import { nothingPlays, type PlaybackState } from '../../../api/room/playback.ts';
import type { ReadRoom } from '../../../api/room/room-reading.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { followedOf, type ItemMedia } from '../plan/followed.ts';
import type { WatchedThing } from '../plan/followed-rights.ts';
import { Plan } from '../plan/plan.ts';
import { type ChannelItem, Schedule } from '../plan/schedule.ts';
import type { OpenedItem } from '../plan/stretch.ts';
import type { Media } from '../playable.ts';
import { followRoom } from './follow-room.ts';
import { findItemMedia } from './item-media.ts';

const NOW_MS = 1_795_000_200_000;
const everyone: WatchedThing = { visibility: 'public', watchRules: undefined };
const film: ItemMedia = { ...everyone, kind: 'asset', ref: 'film', past: undefined, endMs: 60_000 };
const cam: ItemMedia = { ...everyone, kind: 'stream', ref: 'cam', past: undefined, endMs: undefined };
const scheduled: ChannelItem = {
  id: 'a',
  kind: 'asset',
  ref: 'a',
  title: 'Scheduled',
  startMs: NOW_MS - 1000,
  durationMs: 3_600_000,
  weekly: false,
  mediaMs: 0,
};

/** A room that plays an entry from a position on. */
function roomAt(positionMs: number, state: Partial<PlaybackState> = {}, item = 'film'): ReadRoom {
  const playing = { ...nothingPlays, item, playing: true, anchorMedia: positionMs, anchorServer: NOW_MS };
  const target: ItemTarget = { kind: 'asset', asset: item };
  return {
    id: 'room',
    name: 'Night',
    isOpen: true,
    watchRules: undefined,
    isEmpty: false,
    isHere: true,
    item: { id: item, name: item, target },
    state: { ...playing, ...state },
  };
}

function openPlan() {
  const clock = createManualClock(NOW_MS);
  const live = new Set<string>();
  const opened: OpenedItem[] = [];
  const media: Media = { async *pieces() {} };
  const plan = new Plan(new Schedule(openTimeZone('UTC'), [scheduled]), {
    clock,
    media: {
      open: async (item) => {
        opened.push(item);
        return media;
      },
      isLive: (id) => live.has(id),
      titleOf: (id) => id,
      fill: async () => [{ title: 'hot', fromUs: 0, toUs: 60e6, media: async () => media }],
    },
  });
  const follow = (room: ReadRoom, of: ItemMedia | undefined = film, channel = everyone) =>
    plan.follow(followedOf(room, channel, of, clock.nowMs()));
  return { clock, live, opened, plan, follow };
}

suite('a channel that follows a room', () => {
  test('it plays the position of the room, in place of the schedule, until the entry ends', async () => {
    const { plan, follow } = openPlan();
    const before = await plan.next(NOW_MS);
    follow(roomAt(20_000));
    assert.equal(plan.endOf(before, NOW_MS), undefined, 'the schedule is over at once');
    const stretch = await plan.next(NOW_MS + 5000);
    assert.deepEqual(
      [stretch.kind, stretch.title, stretch.toMs, stretch.positionUs(NOW_MS + 5000)],
      ['room', 'Night: film', NOW_MS + 40_000, 25_000_000],
    );
    assert.equal((await plan.next(NOW_MS + 40_100)).kind, 'nothing', 'a moment before the next entry is not filled');
    assert.equal((await plan.next(NOW_MS + 42_000)).kind, 'fill');
    plan.follow(undefined);
    assert.equal((await plan.next(NOW_MS + 5000)).item?.id, 'a');
  });

  test('a seek is followed, a small correction of the room is not', async () => {
    const { plan, follow } = openPlan();
    follow(roomAt(20_000));
    const stretch = await plan.next(NOW_MS);
    follow(roomAt(20_400));
    assert.notEqual(plan.endOf(stretch, NOW_MS), undefined);
    follow(roomAt(20_800));
    assert.equal(plan.endOf(stretch, NOW_MS), undefined, 'corrections do not add up');
    assert.equal((await plan.next(NOW_MS)).positionUs(NOW_MS), 20_800_000);
  });

  test('a pause is filled after a moment, and so is another speed; both are no skips', async () => {
    const { plan, follow } = openPlan();
    follow(roomAt(20_000, { playing: false }));
    assert.equal((await plan.next(NOW_MS + 500)).kind, 'nothing');
    const fill = await plan.next(NOW_MS + 1500);
    assert.deepEqual([fill.kind, fill.why], ['fill', 'the room is paused']);
    follow(roomAt(20_000, { rate: 2 }));
    assert.match((await plan.next(NOW_MS + 3000)).why, /2 times the speed/);
    assert.deepEqual(plan.skips, []);
  });

  test('a live room is the live stream, tried again once it is live; its past waits for what is recorded', async () => {
    const { plan, follow, clock, live, opened } = openPlan();
    follow(roomAt(NOW_MS - 3000, { live: true }, 'cam'), cam);
    const stretch = await plan.next(NOW_MS);
    assert.deepEqual([stretch.live, stretch.positionUs(NOW_MS)], ['cam', undefined]);
    plan.failed(stretch, 'the stream is not live');
    clock.advance(5000);
    assert.equal((await plan.next(NOW_MS + 5000)).kind, 'fill');
    live.add('cam');
    assert.equal((await plan.next(NOW_MS + 5000)).kind, 'room');
    follow(roomAt(NOW_MS - 60_000, {}, 'cam'), cam);
    await (await plan.next(NOW_MS + 5000)).media();
    assert.deepEqual(
      opened.map(({ kind, ref, grows }) => [kind, ref, grows]),
      [['recording', 'cam', true]],
    );
  });

  test('media of another server is listed once as skipped, with its reason', () => {
    const { plan, follow } = openPlan();
    const room = roomAt(0);
    const item = { id: 'x', name: 'Elsewhere', target: { kind: 'link', url: 'https://example.org/a.mp4' } as const };
    for (let i = 0; i < 3; i++) plan.follow(followedOf({ ...room, item }, everyone, undefined, NOW_MS));
    assert.deepEqual(
      plan.skips.map(({ title, reason }) => [title, reason]),
      [['Elsewhere', 'It is a link to another server: a channel shows only media of this one.']],
    );
    follow(roomAt(0));
    assert.equal(plan.skips.length, 1);
  });

  test('what cannot be read is tried again, and listed once', async () => {
    const { plan, follow, clock } = openPlan();
    follow(roomAt(0));
    for (let i = 0; i < 3; i++) {
      const stretch = await plan.next(clock.nowMs());
      assert.equal(stretch.kind, 'room');
      plan.failed(stretch, 'the disk failed');
      assert.equal((await plan.next(clock.nowMs() + 100)).kind, 'fill');
      clock.advance(3100);
    }
    assert.equal(plan.skips.length, 1);
  });
});

suite('what a channel may show of a room', () => {
  const whyOf = (room: ReadRoom, media: ItemMedia, channel = everyone) => {
    const { played, why, title } = followedOf(room, channel, media, NOW_MS);
    return played ? 'plays' : `${title}|${why}`;
  };

  test('media that fewer may watch than the channel is not shown, nor named', () => {
    const of = (visibility: WatchedThing['visibility']) => ({ ...everyone, visibility });
    for (const hidden of ['signed', 'private'] as const) {
      assert.match(whyOf(roomAt(0), { ...film, visibility: hidden }), /^Night\|Its visibility is/);
      assert.equal(whyOf(roomAt(0), { ...film, visibility: hidden }, of('private')), 'plays');
    }
    assert.match(whyOf(roomAt(0), { ...film, visibility: 'private' }, of('signed')), /private/);
  });

  test('a room that not all may enter is followed only by a channel that not all may watch', () => {
    const closed = { ...roomAt(0), isOpen: false };
    assert.match(whyOf(closed, film), /^\|Not all may enter the room/);
    assert.match(whyOf(closed, film, { ...everyone, visibility: 'unlisted' }), /Not all may enter/);
    assert.equal(whyOf(closed, film, { ...everyone, visibility: 'signed' }), 'plays');
  });

  test('rules by network and country of the room and its media must be those of the channel', () => {
    const watchRules = { allow: ['10.0.0.0/8'], deny: [] };
    assert.match(whyOf({ ...roomAt(0), watchRules }, film), /other rules/);
    assert.match(whyOf(roomAt(0), { ...film, watchRules }), /other rules/);
    assert.equal(whyOf({ ...roomAt(0), watchRules }, { ...film, watchRules }, { ...everyone, watchRules }), 'plays');
  });

  test('what the rules for the past hide from viewers is hidden here, live with a delay too', () => {
    const rules = { rewindMs: 60_000, delayMs: 10_000 };
    const delayed: ItemMedia = { ...cam, past: rules };
    assert.match(whyOf(roomAt(NOW_MS, { live: true }, 'cam'), delayed), /rules for its past/);
    assert.match(whyOf(roomAt(NOW_MS - 120_000, {}, 'cam'), delayed), /rules for its past/);
    assert.equal(whyOf(roomAt(NOW_MS - 30_000, {}, 'cam'), delayed), 'plays');
    const hidden = { ...everyone, visibility: 'private' as const };
    assert.equal(whyOf(roomAt(NOW_MS - 120_000, {}, 'cam'), delayed, hidden), 'plays');
  });

  test('a channel does not show itself, also not by a mixer, nor another channel, which may show it', async () => {
    const definitions: Record<string, object> = {
      tv: { id: '1', source: { type: 'channel' }, visibility: 'public' },
      other: { id: '2', source: { type: 'channel' }, visibility: 'public' },
      mixer: { id: '3', source: { type: 'mixer' }, visibility: 'public' },
      cam: { id: '4', source: { type: 'publish' }, visibility: 'public' },
    };
    const parts = {
      catalog: { find: (name: string) => ({ definition: definitions[name] }) },
      watchRules: () => ({ allow: [], deny: [] }),
      shown: [(id: string) => (id === '3' ? ['1'] : [])],
    } as unknown as Parameters<typeof findItemMedia>[2];
    const refusal = async (stream: string) => (await findItemMedia({ kind: 'stream', stream }, '1', parts))?.refusal;
    assert.match((await refusal('tv'))!, /itself/);
    assert.match((await refusal('other'))!, /another channel/);
    assert.match((await refusal('mixer'))!, /shows this channel/);
    assert.equal(await refusal('cam'), undefined);
  });

  test('a deleted room ends the following, once that is written; a failing store does not', async () => {
    const answers = [new OxbowError('not-ready', 'The store is away.'), undefined, undefined];
    const failures: unknown[] = [];
    let tries = 0;
    await followRoom(
      {
        room: 'room',
        definition: () => undefined,
        followed: () => assert.fail(),
        gone: async () => {
          if (++tries === 1) throw new OxbowError('not-ready', 'The channel cannot be written.');
        },
      },
      {
        rooms: () => ({
          read: async () => {
            const answer = answers.shift();
            if (answer) throw answer;
            return undefined;
          },
        }),
        failed: (error: unknown) => failures.push(error),
      } as unknown as Parameters<typeof followRoom>[1],
      new AbortController(),
    );
    assert.deepEqual([tries, failures.length, answers], [2, 2, []]);
  });
});
