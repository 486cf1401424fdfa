import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Visibility } from '../../../config/schema.ts';
import { createManualClock } from '../../../lib/clock.ts';
import type { StreamDefinition } from '../../../streams/definition.ts';
import type { Channel } from '../channel-table.ts';
import type { ChannelItem } from '../plan/schedule.ts';
import { ChannelMedia, type ChannelMediaParts } from './channel-media.ts';
import { recordingOf } from './recording.fixture.ts';

const NOW_MS = 1_795_000_200_000;
const item = (kind: ChannelItem['kind'], ref: string): ChannelItem => {
  return { id: ref, kind, ref, title: ref, startMs: 0, durationMs: 1000, weekly: false, mediaMs: 0 };
};

/** Media of a public channel `tv`; of each stream its heat: seconds watched by minutes before now. */
function openMedia(
  streams: Record<string, Partial<StreamDefinition> & { heat?: readonly (readonly [number, number])[] }>,
  channel: Partial<Channel> = {},
  change: Partial<ChannelMediaParts> = {},
) {
  const definitions = Object.entries({ tv: {}, ...streams }).map(
    ([id, settings]): Partial<StreamDefinition> => ({ id, name: id, visibility: 'public', ...settings }),
  );
  const parts = {
    catalog: {
      definitionOf: (id: string) => definitions.find((each) => each.id === id),
      find: () => undefined,
    },
    recordings: { chunks: { last: async (id: string) => ({ end_us: NOW_MS * 1000 - id.length }) } },
    insight: () => ({
      heat: async (name: string) => ({
        step: 1200,
        most: (streams[name]?.heat ?? []).map(([minutes, watched]) => {
          return { at: new Date(NOW_MS - minutes * 60_000).toISOString(), watched };
        }),
      }),
    }),
    clock: createManualClock(NOW_MS),
  } as unknown as ChannelMediaParts;
  const items = Object.keys(streams).map((id) => item('recording', id));
  const fields = { streamId: 'tv', zone: 'UTC', fillFrom: [], interruption: undefined, room: undefined };
  const own = { ...fields, revision: 1, items, ...channel };
  return new ChannelMedia({ ...parts, ...change }, () => own);
}
const titles = async (media: ChannelMedia) => (await media.fill()).map(({ title }) => title);

suite('what fills the empty hours of a channel', () => {
  test('is what was rewound to most, of all its streams, in that order', async () => {
    const media = openMedia({
      cam: {
        heat: [
          [600, 50],
          [300, 0],
        ],
      },
      door: {
        heat: [
          [1200, 90],
          [60, 20],
        ],
      },
      tv: { heat: [[90, 30]] },
    });
    const fill = await media.fill();
    assert.deepEqual(
      fill.map(({ title, fromUs, toUs }) => [title, NOW_MS / 60_000 - fromUs / 60e6, (toUs - fromUs) / 1e6]),
      [
        ['door', 1200, 1200],
        ['cam', 600, 1200],
        ['tv', 90, 1200],
        ['door', 60, 1200],
      ],
    );
  });

  test('is the newest recording where nothing was rewound, and the own one only without another', async () => {
    assert.deepEqual(await titles(openMedia({ garden: {}, cam: {} })), ['cam']);
    assert.deepEqual(await titles(openMedia({})), ['tv']);
  });

  test('is nothing that its viewers may not watch, unless it is named', async () => {
    const closed: Record<string, Partial<StreamDefinition>> = {
      private: { visibility: 'private' },
      signed: { visibility: 'signed' },
      unlisted: { visibility: 'unlisted' },
      ruled: { past: {} } as Partial<StreamDefinition>,
      near: { watchRules: { networks: [] } } as unknown as Partial<StreamDefinition>,
      encrypted: { encryption: 'cbcs' },
    };
    for (const [id, settings] of Object.entries(closed)) {
      const streams = { [id]: { ...settings, heat: [[60, 20]] as const } };
      assert.deepEqual(await titles(openMedia(streams)), ['tv'], id);
      assert.deepEqual(await titles(openMedia(streams, { fillFrom: [id] })), [id]);
    }
    const visibility: Visibility = 'private';
    const own = { tv: { visibility }, cam: { visibility, heat: [[60, 20]] as const } };
    assert.deepEqual(await titles(openMedia(own)), ['cam'], 'of a channel that is as private');
  });

  test('is of streams of other nodes too, and not of those that were removed there', async () => {
    const streams = { far: { heat: [[60, 20]] as const }, gone: { heat: [[30, 90]] as const } };
    const elsewhere = { read: async (id: string) => (id === 'far' ? { name: 'far', title: 'Far away' } : undefined) };
    const catalog = { definitionOf: () => undefined, find: () => undefined };
    const media = openMedia(streams, { fillFrom: ['gone', 'far'] }, {
      catalog,
      elsewhere,
    } as unknown as Partial<ChannelMediaParts>);
    assert.deepEqual(await titles(media), ['Far away']);
  });

  test('ends with its next segment when its viewers may not watch it any more', async () => {
    const { parts } = recordingOf([1, 2, 3], NOW_MS / 1000 - 60);
    let visibility: Visibility = 'public';
    const definitionOf = (id: string) => ({ id, name: id, visibility: id === 'cam' ? visibility : 'public' });
    const served = { recording: { ...parts.recording, endUs: 0 }, inits: { get: parts.initOf } };
    const find = (name: string) => ({ definition: definitionOf(name), served });
    const media = openMedia({ cam: {} }, {}, {
      catalog: { definitionOf, find },
      reader: parts.reader,
    } as unknown as Partial<ChannelMediaParts>);
    const [range] = await media.fill();
    const { signal } = new AbortController();
    const pieces = (await range!.media()).pieces(range!.fromUs, { signal })[Symbol.asyncIterator]();
    assert.equal((await pieces.next()).done, false);
    visibility = 'private';
    await assert.rejects(pieces.next(), { code: 'no-media' });
  });
});

test('a recording that is not here says whether it was deleted or another node has it', async () => {
  const nameOf = async (id: string) => (id === 'far' ? { name: 'far' } : undefined);
  const where = (_column: string, _is: string, id: string) => ({ executeTakeFirst: () => nameOf(id) });
  const media = openMedia({}, {}, {
    store: { db: { selectFrom: () => ({ select: () => ({ where }) }) } },
    recordings: { chunks: { last: async () => undefined } },
  } as unknown as Partial<ChannelMediaParts>);
  await assert.rejects(media.open(item('recording', 'far')), /^OxbowError: Another node has the stream far, /);
  await assert.rejects(media.open(item('recording', 'gone')), /^OxbowError: The recording was deleted\.$/);
});
