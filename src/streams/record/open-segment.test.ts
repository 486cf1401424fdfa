import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openStreams, type StreamsRig, temporaryFolder, timeline } from '../streams.fixture.ts';

const pulled = { source: { type: 'pull', url: 'http://127.0.0.1:9/live.m3u8' } } as const;

/** Pictures of the recording, of one each 100 ms. */
async function pictures(rig: StreamsRig): Promise<number> {
  const { spans } = await rig.api.timeline('door', 0, 4e12);
  return spans.reduce((sum, { from, to }) => sum + Math.round((Date.parse(to) - Date.parse(from)) / 100), 0);
}

suite('the segment that is open when oxbow stops', () => {
  test('is recorded as a whole by the next process, where the source offers it again', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', pulled);
      // A key frame each second: the last one is 0.3 s before the end.
      rig.source('door').flow(10_300);
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: 1_795_000_310_300 });
    await rig.api.start('door');
    const source = rig.source('door');
    rig.clock.step(-3300);
    source.flow(8000, { mayRepeat: true });
    await rig.settle();
    source.down(0);
    await rig.settle();
    assert.deepEqual(await timeline(rig), ['media 0…15']);
    assert.equal(await pictures(rig), 150);
    assert.deepEqual((await rig.api.timeline('door', 0, 4e12)).gaps, []);
  });

  test('is offline time where the source does not return, and nothing before it is lost', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', pulled);
      rig.source('door').flow(10_300);
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: 1_795_000_320_000 });
    await rig.settle();
    const [media, offline] = await timeline(rig);
    assert.match(media!, /^media 0…(9|10)$/);
    assert.match(offline!, /^offline (9|10)…20/);
  });

  test('is kept as it is where a user stopped the stream before', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pulled);
    rig.source('door').flow(10_300);
    await rig.api.stop('door');
    await rig.settle();
    assert.equal((await timeline(rig))[0], 'media 0…10.3');
  });

  test('is kept of a source that cannot offer it again', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', { source: { type: 'test' } });
      rig.source('door').flow(10_300);
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: 1_795_000_320_000 });
    await rig.settle();
    assert.equal((await timeline(rig))[0], 'media 0…10.3');
  });
});
