import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { startText } from './start-text.ts';

const none = {
  rtmp: undefined,
  rtmps: undefined,
  srt: undefined,
  srtla: undefined,
  rtsp: undefined,
  webrtc: undefined,
};
const httpUrl = 'http://127.0.0.1:8080';
const load = async (flags: Readonly<Record<string, string>> = {}, urls: readonly string[] = []) => {
  const given = Object.entries({ data: '/somewhere/else', ...flags });
  const list = given.map(([path, value]) => ({ path, value, origin: `--${path}` }));
  return (await loadConfig({ urls, flags: list })).config;
};

test('the start text has addresses and retention, and hides secrets of URLs', async () => {
  const config = await load({}, ['door=https://user:word@cam.example/live.m3u8?token=abc']);
  const text = startText(config, { httpUrl, signIn: undefined, endpoints: none });
  assert.match(text, /Watch +http:\/\/127\.0\.0\.1:8080$/m);
  assert.match(text, /Recordings +\/somewhere\/else, kept 24h$/m);
  assert.match(text, /Streams +http:\/\/127\.0\.0\.1:8080\/watch\/door {2}\(from cam\.example\)$/m);
  assert.match(text, /Only this computer can connect/);
  assert.doesNotMatch(text, /word|abc|Publish/);
});

test('the start text says where a stream key is created, and what encoders need, in columns', async () => {
  const endpoints = { ...none, rtmp: { address: '127.0.0.1', port: 1935 }, srt: { address: '::1', port: 8890 } };
  const text = startText(await load(), { httpUrl, signIn: '/sign-in#x', endpoints });
  assert.deepEqual(text.split('\n').slice(2, 10), [
    '  Sign in     http://127.0.0.1:8080/sign-in#x',
    '              to add streams and change settings; works once, within 15 minutes',
    '  Watch       http://127.0.0.1:8080',
    '  Recordings  /somewhere/else, kept 24h',
    '  Publish     http://127.0.0.1:8080/go-live',
    '              creates a stream key, and shows the fields for OBS and other encoders',
    '              RTMP  rtmp://127.0.0.1/live',
    '              SRT   srt://[::1]:8890?streamid=publish:NAME:KEY&latency=120000',
  ]);
});

test('the start text has the public host and no protocol that is off', async () => {
  const config = await load({ publicUrl: 'https://tv.example' });
  const endpoints = { ...none, rtmps: { address: '127.0.0.1', port: 1936 } };
  const text = startText(config, { httpUrl, signIn: undefined, endpoints });
  assert.match(text, /Publish +https:\/\/tv\.example\/go-live\n.*\n +RTMPS {2}rtmps:\/\/tv\.example:1936\/live\n\n/);
  assert.doesNotMatch(text, /RTMP |SRT/);
});

test('bonded senders need an address, a port and a stream id', async () => {
  const endpoints = { ...none, srtla: { address: '192.0.2.1', port: 5000 } };
  const text = startText(await load(), { httpUrl, signIn: undefined, endpoints });
  assert.match(text, /SRTLA +192\.0\.2\.1:5000, stream id publish:NAME:KEY$/m);
});
