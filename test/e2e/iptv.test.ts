import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { catchUpAddress, readChannels } from '../../src/features/iptv/player-rules.fixture.ts';
import { newestStretch } from '../browser/stretch.ts';
import { pictureHashes, run, stripsOf } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { firstOf, fullTest, isFull } from '../full.ts';

const PICTURE = { width: 320, height: 180 };
const FRAME_MS = 40;
/** The programme that is played, seconds. */
const LENGTH_S = 4;
const TOKEN = 'a-token-for-tests';
const NAMES = firstOf(1, ['door', 'hidden']);

suite('IPTV players', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let programme: { startS: number; endS: number; nowS: number };

  before(async () => {
    folder = opened.use(await openFolder('iptv'));
    const config = join(folder.path, 'oxbow.yaml');
    await writeFile(
      config,
      `streams:\n  door: { source: { type: test }, title: "Door, front" }\n${isFull ? '  hidden: { source: { type: test }, visibility: private }\n' : ''}`,
    );
    const args = [...smallPicture, '--config', config];
    server = opened.use(await startPlainServer({ args, data: join(folder.path, 'data'), adminToken: TOKEN }));
    const stretches = await Promise.all(NAMES.map((name) => newestStretch(server, LENGTH_S + 4, name)));
    const startS = Math.ceil(Math.max(...stretches.map(({ fromMs }) => fromMs)) / 1000) + 1;
    // The server's own now: its streams have just reached it.
    const nowS = Math.floor(Math.min(...stretches.map(({ toMs }) => toMs)) / 1000);
    programme = { startS, endS: startS + LENGTH_S, nowS };
    for (const name of NAMES) {
      for (const [text, at] of [
        ['First & foremost', startS],
        ['Second', startS + LENGTH_S],
      ]) {
        const response = await server.fetch(`/api/v1/streams/${name}/markers`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ at: String(at), text }),
        });
        assert.equal(response.status, 201);
      }
    }
  });
  after(() => opened.disposeAsync());

  const anonymous = async (path: string) => {
    const response = await fetch(new URL(path, server.url));
    return { status: response.status, text: await response.text() };
  };
  const channelAt = async (path: string, name: string) => {
    const found = readChannels((await anonymous(path)).text).channels.find(({ value }) => value('tvg-id') === name);
    assert.ok(found, `${name} is in ${path}`);
    return found;
  };
  const copied = async (address: string, name: string) => {
    const file = join(folder.path, name);
    const { code, stderr } = await run('ffmpeg', ['-v', 'warning', '-i', address, '-c', 'copy', '-y', file]);
    assert.deepEqual([code, stderr], [0, ''], address);
    return file;
  };

  test('the guide has the markers as programmes, in the list that names it', async () => {
    const list = await anonymous('/playlist.m3u');
    const { guide, channels } = readChannels(list.text);
    assert.deepEqual(
      channels.map(({ name }) => name),
      ['Door, front'],
    );
    const { text } = await anonymous(guide);
    const time = (s: number) => `${new Date(s * 1000).toISOString().replaceAll(/\D/g, '').slice(0, 14)} \\+0000`;
    const { startS, endS } = programme;
    assert.match(
      text,
      new RegExp(
        `<programme start="${time(startS)}" stop="${time(endS)}" channel="door">\n<title>First &amp; foremost</title>`,
      ),
    );
    const icon = /<icon src="([^"]+\/thumb\/door\/\d+\.jpg)"/.exec(text)![1]!;
    assert.equal((await anonymous(icon)).status, 200);
  });

  for (const mode of firstOf(1, ['append', 'default', 'shift'] as const)) {
    test(`${mode}: what ffmpeg plays has the same pictures as the recording, from the programme's start`, async () => {
      const address = catchUpAddress(await channelAt(`/playlist.m3u?catchup=${mode}`, 'door'), programme)!;
      // `shift` names no end: its list reaches until now.
      const file = await copied(address, `${mode}.ts`);
      const shown = (await stripsOf(file, PICTURE)).map((strip) => strip!.utcMs);
      const [startMs, endMs] = [programme.startS * 1000, programme.endS * 1000];
      assert.ok(shown[0]! <= startMs + FRAME_MS && shown[0]! > startMs - 4000, `begins at ${shown[0]}`);
      assert.ok(shown.at(-1)! >= endMs - 2 * FRAME_MS, `ends at ${shown.at(-1)}`);
      if (mode !== 'shift') assert.ok(shown.at(-1)! < endMs + 4000, `ends at ${shown.at(-1)}`);
      const own = await pictureHashes(file);
      const recorded = await pictureHashes(`${server.url}/vod/door/${programme.startS}/${LENGTH_S}/index.m3u8`);
      assert.ok(own.length >= LENGTH_S * 24);
      assert.equal(own.slice(0, recorded.length).join() === recorded.join(), true);
      if (mode !== 'shift') assert.equal(own.length, recorded.length);
    });
  }

  test('a start alone has a list that grows, with the position of the start in it', async () => {
    const { text } = await anonymous(`/live/door/ts/index.m3u8?utc=${programme.startS}`);
    assert.doesNotMatch(text, /#EXT-X-ENDLIST/);
    const offset = /#EXT-X-START:TIME-OFFSET=([\d.]+),PRECISE=YES/.exec(text)![1];
    const first = Date.parse(/#EXT-X-PROGRAM-DATE-TIME:(.+)/.exec(text)![1]!);
    assert.equal(Math.round(first / 1000 + Number(offset)), programme.startS);
  });

  fullTest('flussonic: the playlist names the instant that was meant when it was requested', async () => {
    const nowS = Math.floor(Date.now() / 1000);
    const address = catchUpAddress(await channelAt('/playlist.m3u?catchup=flussonic', 'door'), { ...programme, nowS })!;
    const { status, text } = await anonymous(address);
    assert.equal(status, 200, text);
    const inner = /^index-(\d+)-\d+\.m3u8$/m.exec(text)!;
    assert.ok(Math.abs(Number(inner[1]) - programme.startS) <= 2);
    const list = await anonymous(new URL(inner[0], address).href);
    assert.match(list.text, /^\d+\.ts\n#EXT-X-ENDLIST$/m);
  });

  fullTest('fragmented MP4: ffmpeg plays the same programme', async () => {
    const address = catchUpAddress(await channelAt('/playlist.m3u8?format=hls', 'door'), programme)!;
    const shown = (await stripsOf(await copied(address, 'hls.mp4'), PICTURE)).map((strip) => strip!.utcMs);
    assert.ok(shown.at(-1)! >= programme.endS * 1000 - 2 * FRAME_MS);
  });

  fullTest('a private stream is in the list of its playback token alone, and plays from there', async () => {
    assert.doesNotMatch((await anonymous('/playlist.m3u')).text, /hidden/);
    const hidden = await anonymous(`/live/hidden/ts/index.m3u8?utc=${programme.startS}`);
    assert.equal(hidden.status, 404);
    const made = await server.fetch('/api/v1/streams/hidden/watch-tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const { token } = (await made.json()) as { token: string };
    const channel = await channelAt(`/t/${token}/playlist.m3u`, 'hidden');
    const shown = await stripsOf(await copied(catchUpAddress(channel, programme)!, 'hidden.ts'), PICTURE);
    assert.ok(shown.length >= LENGTH_S * 24);
  });

  test('what is not there is refused with a reason', async () => {
    const path = '/live/door/ts/index.m3u8';
    for (const [query, status, code] of [
      [`utc=${programme.startS - 86_400}&duration=60`, 404, 'no-media'],
      [`utc=${programme.startS + 86_400}`, 404, 'no-media'],
      ['utc={utc}', 400, 'bad-time'],
      [`utc=${programme.startS}&duration=soon`, 400, 'bad-duration'],
      [`utc=${programme.startS}&duration=100000`, 400, 'window-too-long'],
    ] as const) {
      const answer = await anonymous(`${path}?${query}`);
      assert.deepEqual([answer.status, JSON.parse(answer.text).code], [status, code], query);
    }
  });
});
