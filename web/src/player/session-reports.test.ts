import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { idle, type MediaState } from '../media/state.ts';
import { SessionReports } from './session-reports.ts';

const live: MediaState = {
  ...idle,
  mode: 'live',
  pictured: true,
  paused: false,
  behindMs: 450.4,
  playingQuality: 'v0-480',
  latency: { ...idle.latency, bufferS: 0.8 },
  qualities: [{ id: 'v0-480', language: '', label: '', bitrate: 800_000 }],
};

function setUp() {
  const clock = { ms: 0 };
  const sent: string[] = [];
  const beacons: string[] = [];
  const page = Object.assign(new EventTarget(), { navigator: { sendBeacon: (url: string) => beacons.push(url) > 0 } });
  const reports = new SessionReports({
    stream: 'cam',
    sessionId: 'session-1',
    now: () => clock.ms,
    page: page as unknown as Window,
    send: (url) => sent.push(decodeURIComponent(url)),
  });
  return { reports, clock, sent, beacons, page };
}

suite('reports of a session', () => {
  test('begin with the first picture and come every twelve seconds, whatever happens in between', () => {
    const { reports, clock, sent, beacons } = setUp();
    reports.look(idle);
    reports.look({ ...live, pictured: false });
    assert.deepEqual(sent, []);
    for (; clock.ms < 60_000; clock.ms += 250) reports.look({ ...live, pictured: clock.ms % 5_000 !== 1_000 }); // seeks
    assert.deepEqual(beacons, []);
    assert.ok(sent.length >= 5 && sent.length <= 6, `${sent.length} in a minute`);
    assert.equal(
      sent[0],
      '/live/cam/session?CMCD=bl=800,br=800,e=t,ltc=450,oxbow-rendition="v0-480",sid="session-1",st=ll,sta=p,v=2',
    );
  });

  test('say what the viewer sees', () => {
    for (const [change, keys] of [
      [{ paused: true }, ['sta=a', 'st=ll']],
      [{ loading: true }, ['sta=k', 'st=ll']],
      [{ latency: idle.latency }, ['sta=r', 'bl=0']],
      [{ mode: 'past', behindMs: 7_200_000 }, ['sta=p', 'st=v', 'ltc=7200000']],
      [{ mode: 'shifted' }, ['st=l']],
    ] as const) {
      const { reports, sent } = setUp();
      reports.look({ ...live, ...change });
      for (const key of keys) assert.ok(sent[0]?.split(/[=,]CMCD=|,|CMCD=/).includes(key), `${key} in ${sent[0]}`);
    }
  });

  test('end with a goodbye when the page is left, the stream ends or the player is closed; a page that is shown again reports again', () => {
    const { reports, sent, beacons, page } = setUp();
    page.dispatchEvent(new Event('pagehide'));
    assert.deepEqual(beacons, [], 'it was never counted');
    page.dispatchEvent(new Event('pageshow'));
    reports.look(live);
    page.dispatchEvent(new Event('pagehide'));
    reports.look(live);
    assert.deepEqual([sent.length, beacons.length], [1, 1]);
    assert.match(decodeURIComponent(beacons[0]!), /sid="session-1",sta=e/);
    page.dispatchEvent(new Event('pageshow'));
    reports.look(live);
    assert.equal(sent.length, 2);
    reports.look({ ...live, mode: 'offline' });
    reports.look({ ...live, mode: 'offline' });
    assert.equal(beacons.length, 2);
    reports.look(live);
    reports.close();
    reports.close();
    reports.look(live);
    page.dispatchEvent(new Event('pagehide'));
    assert.deepEqual([sent.length, beacons.length], [3, 3]);
  });
});
