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
    clock.ms = 250;
    for (; clock.ms < 60_000; clock.ms += 250) reports.look({ ...live, pictured: clock.ms % 5_000 !== 1_000 }); // seeks
    assert.deepEqual(beacons, []);
    assert.ok(sent.length >= 5 && sent.length <= 6, `${sent.length} in a minute`);
    assert.equal(
      sent[0],
      '/live/cam/session?CMCD=bl=800,br=800,bsa=(0),bsda=(0),e=t,ltc=450,msd=250,oxbow-rendition="v0-480",sid="session-1",st=ll,sta=p,v=2',
    );
  });

  test('have the stalls and their time since the start, also in the goodbye', () => {
    const { reports, clock, sent, beacons, page } = setUp();
    const empty = { ...live.latency, bufferS: 0.2, stalls: 1, stalledMs: 2500 };
    reports.look(live);
    for (clock.ms = 1000; clock.ms < 3500; clock.ms += 250) reports.look({ ...live, latency: empty });
    const again = { ...live, latency: { ...live.latency, stalls: 1, stalledMs: 2500 } };
    for (; clock.ms < 14_000; clock.ms += 250) reports.look(again);
    assert.match(sent[0]!, /bsa=\(0\),bsda=\(0\)/);
    assert.match(sent[1]!, /bsa=\(1\),bsda=\(2500\)/);
    page.dispatchEvent(new Event('pagehide'));
    assert.match(decodeURIComponent(beacons[0]!), /bsa=\(1\),bsda=\(2500\),ltc=450/);
  });

  test('name a failure once, however often the player tries again, and continue with the picture', () => {
    const { reports, clock, sent } = setUp();
    const failure = { code: 'unreachable', status: 0, title: '', hint: '' };
    reports.look({ ...live, pictured: false, loading: true });
    reports.look({ ...live, pictured: false, failure });
    assert.deepEqual(sent.length, 1, 'at once, also without a picture');
    assert.match(
      sent[0]!,
      /CMCD=bsa=\(0\),bsda=\(0\),e=e,ec=\("unreachable"\),ltc=450,sid="session-1",st=ll,sta=f,v=2/,
    );
    clock.ms = 20_000;
    reports.look({ ...live, pictured: false, loading: true });
    reports.look({ ...live, pictured: false, failure: { ...failure } });
    assert.equal(sent.length, 1);
    reports.look(live);
    assert.match(sent[1]!, /e=t,.*sta=p/);
    reports.look({ ...live, failure });
    assert.match(sent[2]!, /sta=f/);
    assert.equal(sent.length, 3);
  });

  test('come at once when the viewer goes elsewhere, at most once a second', () => {
    const { reports, clock, sent } = setUp();
    reports.look(live);
    clock.ms = 500;
    reports.look({ ...live, paused: true });
    assert.equal(sent.length, 1);
    clock.ms = 1000;
    reports.look({ ...live, paused: true });
    assert.match(sent[1]!, /sta=a/);
    clock.ms = 4000;
    reports.look({ ...live, paused: true, behindMs: 3450 });
    assert.equal(sent.length, 2, 'it only falls behind');
    reports.look({ ...live, mode: 'past', behindMs: 3_600_000 });
    assert.match(sent[2]!, /ltc=3600000.*st=v/);
    clock.ms = 6000;
    reports.look({ ...live, mode: 'past', behindMs: 1_800_000 });
    assert.match(sent[3]!, /ltc=1800000/);
    clock.ms = 8000;
    reports.look({ ...live, mode: 'past', behindMs: 1_800_000 });
    assert.equal(sent.length, 4);
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
    assert.match(decodeURIComponent(beacons[0]!), /sid="session-1",.*sta=e/);
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
