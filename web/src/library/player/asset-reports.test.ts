import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AssetReports } from './asset-reports.ts';

function setUp(url = '/assets/film/index.m3u8') {
  const video = Object.assign(new EventTarget(), {
    currentTime: 0,
    playbackRate: 1,
    ended: false,
    paused: true,
    seeking: false,
    readyState: 4,
  });
  const clock = { ms: 0 };
  const sent: string[] = [];
  const page = Object.assign(new EventTarget(), {
    navigator: { sendBeacon: (_: string, body: string) => sent.push(`beacon ${body}`) > 0 },
  });
  const ends = new AbortController();
  const reports = AssetReports.follow(
    video as unknown as HTMLVideoElement,
    {
      url,
      now: () => clock.ms,
      page: page as unknown as Window,
      send: (target, body) => sent.push(`${target} ${body.replace(/sid="[\w-]{36}"/, 'sid')}`),
    },
    ends,
  );
  const at = (ms: number, type: string, currentTime = ms / 1000) => {
    clock.ms = ms;
    video.currentTime = currentTime;
    video.dispatchEvent(new Event(type));
  };
  const fail = (ms: number) => {
    clock.ms = ms;
    reports?.failed('unplayable');
  };
  return { at, fail, sent, video, page, ends };
}

suite('reports of a video', () => {
  test('begin when the viewer plays, with the time that it took, and say where it is', () => {
    const { at, sent } = setUp();
    at(0, 'timeupdate');
    assert.deepEqual(sent, []);
    at(1000, 'play', 0);
    at(1400, 'playing', 0);
    at(2500, 'timeupdate', 1.1);
    assert.deepEqual(sent, [
      '/api/v1/cmcd bsa=(0),bsda=(0),e=t,pt=0,sta=s,cid="asset:film",sid,st=v,v=2',
      '/api/v1/cmcd bsa=(0),bsda=(0),e=t,msd=400,pt=1100,sta=p,cid="asset:film",sid,st=v,v=2',
    ]);
  });

  test('count stalls with their time, but not what a seek waits for', () => {
    const { at, sent, video } = setUp();
    at(0, 'play');
    at(100, 'playing');
    at(5000, 'waiting');
    at(7500, 'playing');
    video.seeking = true;
    at(10_000, 'seeking');
    at(10_100, 'waiting');
    video.seeking = false;
    at(11_500, 'playing');
    assert.match(sent.at(-1)!, /bsa=\(1\),bsda=\(2500\)/);
  });

  test('come every fifteen seconds while it plays, and end with a goodbye', () => {
    const { at, sent, page } = setUp('https://tv.example/t/token/assets/film/index.m3u8');
    at(0, 'play');
    at(1000, 'playing');
    for (let ms = 1250; ms <= 46_000; ms += 250) at(ms, 'timeupdate');
    assert.equal(sent.length, 5);
    assert.ok(sent[0]!.startsWith('https://tv.example/t/token/api/v1/cmcd '));
    page.dispatchEvent(new Event('pagehide'));
    assert.match(sent.at(-1)!, /sta=e/);
  });

  test('name a failure at once, also one before it could play', () => {
    const { at, fail, sent } = setUp();
    fail(500);
    assert.match(sent[0]!, /e=e,ec=\("unplayable"\),pt=0,sta=f/);
    at(600, 'play');
    at(1700, 'playing');
    fail(1800);
    assert.match(sent.at(-1)!, /e=e,ec=\("unplayable"\),msd=1200,pt=1700,sta=f/);
    at(4000, 'playing');
    assert.match(sent.at(-1)!, /e=t,.*sta=p/);
  });

  test('are not made of what is no asset', () => {
    const { at, fail, sent } = setUp('/clip/door/1/2.mp4');
    at(0, 'play');
    at(2000, 'playing');
    fail(3000);
    assert.deepEqual(sent, []);
  });
});
