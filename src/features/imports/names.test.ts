import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openTimeZone } from '../../api/local-time.ts';
import { detectLayout, readName } from './layouts.ts';
import { openNamePattern } from './name-pattern.ts';
import { streamNames } from './stream-names.ts';

const utc = openTimeZone('UTC');
const us = (text: string) => Date.parse(text) * 1000;
const startOf = (pattern: string, name: string, zone = utc) => openNamePattern(pattern).read(name, zone)?.startsUs;

suite('names of recorded files', () => {
  test('microseconds, unix seconds and nanoseconds are exact', () => {
    const instant = us('2026-11-20T10:20:30Z') + 123_456;
    assert.deepEqual(startOf('%Y-%m-%d_%H-%M-%S-%f', '2026-11-20_10-20-30-123456'), [instant]);
    assert.deepEqual(startOf('%s', '1795170030'), [1_795_170_030_000_000]);
    assert.deepEqual(startOf('%N', '1795170030123456789'), [1_795_170_030_123_456]);
  });

  test('a pattern without a slash matches the end of a path, one with a slash all of it', () => {
    assert.equal(startOf('%Y%m%d%H%M', 'a/b/202611201020')?.length, 1);
    assert.equal(startOf('x/%Y%m%d%H%M', 'a/x/202611201020'), undefined);
    assert.equal(startOf('%Y%m%d%H%M', '202611201020x'), undefined);
    assert.deepEqual(openNamePattern('%path/%s').read('cams/door/1795170030', utc)?.path, 'cams/door');
  });

  test('dots and brackets of a pattern mean themselves', () => {
    assert.equal(startOf('[cam].%s', '[cam].1795170030')?.length, 1);
    assert.equal(startOf('[cam].%s', 'cx1795170030'), undefined);
  });

  test('local times: summer and winter, an hour that occurs twice, and one that is skipped', () => {
    const berlin = openTimeZone('Europe/Berlin');
    const at = (text: string) => startOf('%Y-%m-%d %H:%M:%S', text, berlin);
    assert.deepEqual(at('2026-07-01 12:00:00'), [us('2026-07-01T10:00:00Z')]);
    assert.deepEqual(at('2026-12-01 12:00:00'), [us('2026-12-01T11:00:00Z')]);
    assert.deepEqual(at('2026-10-25 02:30:00'), [us('2026-10-25T00:30:00Z'), us('2026-10-25T01:30:00Z')]);
    assert.deepEqual(at('2026-03-29 02:30:00'), []);
    assert.deepEqual(startOf('%Y-%m-%dT%H:%M:%S%z', '2026-07-01T12:00:00+0200'), [us('2026-07-01T10:00:00Z')]);
  });

  test('a day or an hour that does not exist is no time', () => {
    for (const text of ['20260230T100000', '20261301T100000', '20260101T240000', '20260101T106000']) {
      assert.deepEqual(startOf('%Y%m%dT%H%M%S', text), [], text);
    }
  });

  test('a pattern that names no instant, or has an unknown variable, is refused', () => {
    for (const text of ['%Y-%m-%d', '%path', '%Y%m%d%H%M%Q', '%s-%s', '']) {
      assert.throws(() => openNamePattern(text), { code: 'bad-request' }, text);
    }
  });

  test('the layout is found by the names', () => {
    const frigate = ['2026-11-20/10/garage/20.30.mp4', '2026-11-20/10/yard/20.30.mp4'].map((name) => name.slice(0, -4));
    assert.equal(detectLayout(frigate).name, 'frigate');
    assert.deepEqual(readName(detectLayout(frigate), frigate[1]!, utc), {
      path: 'yard',
      startsUs: [us('2026-11-20T10:20:30Z')],
    });
    assert.equal(detectLayout(['1795170030123456789', '1795170036123456789', 'notes']).name, 'vsr');
    assert.equal(detectLayout(['a/b/2026-11-20_10-20-30-123456']).name, 'mediamtx');
    assert.equal(detectLayout(['2026-11-20_10-20-30-123456']).name, 'mediamtx');
    assert.equal(detectLayout(['GOPR0001']).name, 'files');
  });

  test('streams are named after their cameras; two cameras never become one stream', () => {
    const of = (cameras: string[], as?: string) => [...streamNames(cameras, as, 'My Folder').values()];
    assert.deepEqual(of(['Front Door', 'cams/yard']), ['front-door', 'cams-yard']);
    assert.deepEqual(of(['']), ['my-folder']);
    assert.deepEqual(of(['Front Door'], 'door'), ['door']);
    assert.deepEqual(of(['a', 'b'], 'site'), ['site-a', 'site-b']);
    assert.throws(() => of(['a b', 'a-b']), { code: 'bad-request' });
    assert.throws(() => of(['日本']), { code: 'bad-request' });
    assert.throws(() => of(['a'], 'A B'), { code: 'bad-name' });
  });
});
