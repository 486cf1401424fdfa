import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkChildren,
  checkEncoders,
  checkEngine,
  checkPublicUrl,
  checkYtDlp,
  runYtDlp,
  versionOf,
} from './program-checks.ts';

const NOW_MS = Date.UTC(2026, 10, 20);

test('an engine that does not load fails with its error message', async () => {
  const good = await checkEngine(async () => 'FFmpeg 8.1');
  assert.deepEqual(good, { name: 'media engine', state: 'ok', text: 'FFmpeg 8.1', hint: '' });
  const broken = await checkEngine(async () => assert.fail('no such library'));
  assert.deepEqual([broken.state, broken.text], ['failed', 'no such library']);
});

test('child processes with a network are a warning with a hint, and fail where the settings require none', async () => {
  const of = (state: 'isolated' | 'unavailable' | 'off') => async () => ({ state, text: 'unshare failed' });
  const states = async (policy: 'auto' | 'required' | 'off') =>
    (await Promise.all((['isolated', 'unavailable', 'off'] as const).map((one) => checkChildren(of(one), policy)))).map(
      ({ state }) => state,
    );
  assert.deepEqual(await states('auto'), ['ok', 'warning', 'ok']);
  assert.deepEqual(await states('required'), ['ok', 'failed', 'ok']);
  assert.match((await checkChildren(of('unavailable'), 'auto')).hint, /user namespaces/);
});

test('hardware encoders are listed; one that fails although its device is there is a warning with the reason', async () => {
  const of = (name: string, reason = '') => ({ name, works: reason === '', reason });
  assert.match((await checkEncoders(async () => [])).text, /^none found/);
  const some = await checkEncoders(async () => [of('h264_nvenc'), of('av1_nvenc', 'no capable device')]);
  assert.deepEqual([some.state, some.text], ['ok', 'h264_nvenc']);
  const none = await checkEncoders(async () => [of('h264_nvenc', 'no permission')]);
  assert.deepEqual([none.state, none.text], ['warning', 'h264_nvenc does not work: no permission']);
});

test('a missing yt-dlp, or one that is half a year old, is a warning with a command', async () => {
  const ask = (program: string) => runYtDlp(program, { signal: AbortSignal.timeout(10_000) });
  const missing = await checkYtDlp(() => ask('no-such-yt-dlp'), NOW_MS);
  assert.deepEqual([missing.state, missing.text], ['warning', 'not found; only pages with a video need it']);
  assert.match(missing.hint, /pipx install yt-dlp/);
  assert.equal((await checkYtDlp(async () => '2026.10.01', NOW_MS)).state, 'ok');
  const old = await checkYtDlp(async () => '2023.03.04', NOW_MS);
  assert.match(`${old.state} ${old.hint}`, /^warning pipx upgrade/);
  assert.equal(
    (await checkYtDlp(() => ask(process.execPath), NOW_MS)).state,
    'ok',
    'a version of another form is shown',
  );
});

test('a public URL is ok if oxbow answers; otherwise the hint depends on whether a server runs', async () => {
  const requested: string[] = [];
  const good = await checkPublicUrl(
    'https://cam.example',
    async (url) => {
      requested.push(url);
      return { status: 200, text: '{"name":"oxbow","version":"1.2.3"}' };
    },
    true,
  );
  assert.deepEqual([good.state, requested], ['ok', ['https://cam.example/version']]);
  const foreign = await checkPublicUrl('https://cam.example', async () => ({ status: 200, text: '<html>' }), true);
  assert.match(`${foreign.state} ${foreign.text}`, /^warning .* but not as oxbow/);
  const unknown = await checkPublicUrl('https://cam.example', async () => ({ status: 421, text: '{}' }), true);
  assert.match(
    `${unknown.state} ${unknown.text} ${unknown.hint}`,
    /^warning .* answers 421: .* does not accept .*--hosts/,
  );
  const silent = async () => assert.fail('timed out');
  assert.match((await checkPublicUrl('https://cam.example', silent, true)).hint, /firewall/);
  assert.match((await checkPublicUrl('https://cam.example', silent, false)).hint, /Start oxbow/);
});

test('only a response of oxbow has a version', () => {
  assert.equal(versionOf('{"name":"nginx","version":"1"}'), undefined);
  assert.equal(versionOf('null'), undefined);
});
