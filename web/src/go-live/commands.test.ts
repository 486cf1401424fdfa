import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishAddresses } from '../api/publishing.ts';
import { isLoopback } from '../components/links/local-link.ts';
import { ffmpegCommands, gstreamerCommand, larixLink, listenOf, protocolsOf, publishUrl, reachOf } from './commands.ts';

const both: PublishAddresses = {
  rtmp: {
    server: 'rtmp://tv.example/live',
    streamKey: 'studio?key=ok_abc',
    url: 'rtmp://tv.example/live/studio?key=ok_abc',
  },
  srt: 'srt://tv.example:8890?streamid=publish:studio:ok_abc&latency=120000',
};

test('only protocols that are on are offered, RTMP first', () => {
  assert.deepEqual(protocolsOf(both), ['rtmp', 'srt']);
  assert.deepEqual(protocolsOf({ srt: both.srt! }), ['srt']);
  assert.deepEqual(protocolsOf({}), []);
});

test('a program with one field gets server and key as one address', () => {
  assert.equal(publishUrl(both, 'rtmp'), 'rtmp://tv.example/live/studio?key=ok_abc');
  assert.equal(publishUrl(both, 'srt'), both.srt);
  assert.equal(publishUrl({}, 'rtmp'), '');
});

test('commands have the container of the protocol and a key frame every 2 s', () => {
  for (const [protocol, muxer] of [
    ['rtmp', 'flv'],
    ['srt', 'mpegts'],
  ] as const) {
    const url = publishUrl(both, protocol);
    for (const command of Object.values(ffmpegCommands(url, protocol))) {
      assert.ok(command.endsWith(`-f ${muxer} "${url}"`), command);
      assert.match(command, / -g 60 /);
    }
    assert.match(gstreamerCommand(url, protocol), /key-int-max=60/);
    assert.ok(gstreamerCommand(url, protocol).includes(`"${url}"`));
  }
});

test('the link for a phone contains the whole address, encoded', () => {
  const link = larixLink(publishUrl(both, 'rtmp'), 'studio');
  assert.ok(link.startsWith('larix://set/v1?'));
  assert.doesNotMatch(link, /[+ ]/);
  assert.equal(new URLSearchParams(link.split('?')[1]).get('conn[][url]'), publishUrl(both, 'rtmp'));
  const srt = new URLSearchParams(larixLink(publishUrl(both, 'srt'), 'studio').split('?')[1]);
  assert.equal(srt.get('conn[][url]'), 'srt://tv.example:8890');
  assert.equal(srt.get('conn[][srtstreamid]'), 'publish:studio:ok_abc');
});

test('loopback addresses are recognized in all forms', () => {
  for (const address of [
    'rtmp://127.0.0.1/live',
    'rtmp://localhost:1935/live',
    'srt://[::1]:8890?streamid=x',
    'srt://127.0.0.2:8890',
  ]) {
    assert.equal(isLoopback(address), true, address);
  }
  for (const address of ['rtmp://192.168.1.5/live', 'rtmps://tv.example/live', 'srt://[2001:db8::1]:8890', '']) {
    assert.equal(isLoopback(address), false, address);
  }
});

test('an address of this computer differs from a server that listens on this computer only', () => {
  const local = 'rtmp://127.0.0.1/live/studio?key=k';
  assert.equal(reachOf(local, '127.0.0.1'), 'closed');
  assert.equal(reachOf(local, '0.0.0.0'), 'local-name');
  assert.equal(reachOf('rtmp://tv.example/live/studio?key=k', '0.0.0.0'), 'open');
  assert.equal(reachOf('rtmp://tv.example/live/studio?key=k', '127.0.0.1'), 'closed');
  assert.equal(reachOf(local, undefined), 'closed');
});

test('a protocol listens on its own address, otherwise on that of all ports', () => {
  const settings = [
    { path: 'listen', value: '127.0.0.1' },
    { path: 'rtmp', value: '"0.0.0.0:1935"' },
    { path: 'srt', value: '8890' },
  ];
  assert.equal(listenOf(settings, 'rtmp'), '0.0.0.0');
  assert.equal(listenOf(settings, 'srt'), '127.0.0.1');
  assert.equal(listenOf([], 'srt'), undefined);
});
