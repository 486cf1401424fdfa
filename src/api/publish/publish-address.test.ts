import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noPublishPorts, printPublishAddresses } from './publish-address.ts';

const target = { host: 'tv.example', stream: 'door', key: 'ok_x' };

test('addresses have the ports of the protocols that listen; the usual port of RTMP is omitted', () => {
  const ports = { rtmp: 1935, rtmps: 1936, srt: 8890, webrtc: 8189, srtLatencyMs: 200, srtEncrypted: false };
  assert.deepEqual(printPublishAddresses({ ...target, origin: 'https://tv.example', ports }), {
    rtmp: {
      server: 'rtmp://tv.example/live',
      streamKey: 'door?key=ok_x',
      url: 'rtmp://tv.example/live/door?key=ok_x',
    },
    rtmps: {
      server: 'rtmps://tv.example:1936/live',
      streamKey: 'door?key=ok_x',
      url: 'rtmps://tv.example:1936/live/door?key=ok_x',
    },
    srt: 'srt://tv.example:8890?streamid=publish:door:ok_x&latency=200000',
    whip: 'https://tv.example/whip/door',
  });
  const v6 = printPublishAddresses({ ...target, host: '[::1]', ports: { ...noPublishPorts(), rtmp: 5000 } });
  assert.deepEqual(Object.keys(v6), ['rtmp']);
  assert.equal(v6.rtmp?.server, 'rtmp://[::1]:5000/live');
});

test('protocols that are off have no address', () => {
  assert.deepEqual(printPublishAddresses({ ...target, ports: noPublishPorts() }), {});
});

test('the address of an encrypted SRT connection has a place for its passphrase', () => {
  const ports = { ...noPublishPorts(), srt: 8890, srtEncrypted: true };
  const { srt } = printPublishAddresses({ ...target, ports });
  assert.equal(srt, 'srt://tv.example:8890?streamid=publish:door:ok_x&latency=120000&passphrase=PASSPHRASE');
  const bonded = printPublishAddresses({ ...target, ports: { ...ports, srtla: 5000 } });
  assert.equal(bonded.srtla, 'srtla://tv.example:5000?streamid=publish:door:ok_x&passphrase=PASSPHRASE');
});
