import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isSamePlace,
  maskedAddress,
  pathSecrets,
  publicAddress,
  publicTarget,
  shownHook,
  withAllKeptSecrets,
  withKeptSecrets,
} from './public-address.ts';

test('an address without secrets is the same text, byte for byte', () => {
  for (const address of [
    'https://a.example/live.m3u8',
    'udp://@239.0.0.1:5000?pkt_size=1316',
    'off',
    'rtsp://10.0.0.5/',
  ])
    assert.deepEqual([publicAddress(address), maskedAddress(address)], [address, address]);
});

test('user, password, query and fragment are not shown, also where the password has an @', () => {
  const address = 'rtsp://admin:p@ss:w@10.0.0.5:554/ch/1?token=x#y';
  assert.equal(publicAddress(address), 'rtsp://10.0.0.5:554/***/1');
  assert.equal(maskedAddress(address), 'rtsp://admin:***@10.0.0.5:554/ch/1?***');
  assert.equal(publicTarget('rtmp://live.example/app/key'), 'rtmp://live.example/…');
  assert.equal(publicTarget('srt://live.example:9?passphrase=0123456789'), 'srt://live.example:9/…');
  assert.equal(publicTarget('no address'), '');
});

test('of a path the last part is shown, unless it may be a key', () => {
  for (const [address, shown] of [
    ['https://x.example/live/SECRETKEY/index.m3u8', 'https://x.example/***/index.m3u8'],
    ['https://x.example/live/SECRETKEY/', 'https://x.example/***/SECRETKEY/'],
    ['https://x.example/hls/8f3kd92lfk3md0.m3u8', 'https://x.example/***'],
    ['https://x.example/3f2b8c4d-6a35-4d5a-9a0e-1b2c3d4e5f60', 'https://x.example/***'],
    ['rtsp://cam.example/user=admin_password=s3cret_channel=1_stream=0.sdp', 'rtsp://cam.example/***'],
    ['rtsp://cam.example/user%3Dadmin', 'rtsp://cam.example/***'],
    ['rtsp://cam.example/Streaming/Channels/101', 'rtsp://cam.example/***/101'],
    ['whep+https://x.example/whep/k3y-1k2j3h4/cam', 'whep+https://x.example/***/cam'],
  ] as const)
    assert.equal(publicAddress(address), shown);
  for (const name of ['h264Preview_01_main', 'media.amp', 'stream1', 'chunklist_b1200000.m3u8', '1080p60.m3u8'])
    assert.equal(publicAddress(`rtsp://cam.example/${name}`), `rtsp://cam.example/${name}`);
  assert.deepEqual(pathSecrets('https://x.example/playlist/8f3kd92lfk3md0.m3u8'), [
    '8f3kd92lfk3md0.m3u8',
    '8f3kd92lfk3md0',
  ]);
  assert.ok(pathSecrets('rtsp://cam.example/user=a_password=s3cret_channel=1').includes('s3cret'));
  assert.deepEqual(pathSecrets('https://x.example/playlist/index.m3u8'), []);
});

test('letters that no language spells may be a key, and are not shown', () => {
  const keys = ['qzkvhtbwplxm', 'aKeJoWiMuRaT', 'bdfghtkaelmo', 'XKQWERTZUPLM', 'gUfEbOlAnIsE', 'rtkvbnms'];
  for (const key of keys) {
    assert.equal(publicAddress(`rtsp://cam.example/${key}`), 'rtsp://cam.example/***', key);
    assert.equal(publicAddress(`https://x.example/live/${key}.m3u8`), 'https://x.example/***', key);
  }
  for (const name of [
    'LiveStreams',
    'mainstream',
    'substream',
    'NORTHGATE',
    'liveTV',
    'IPCamera1',
    'BuildingA',
    'iPhoneCamera',
    'qianmenkou',
    'onDemand',
    'Haupteingang',
    'chunklist',
    'master',
  ])
    assert.equal(publicAddress(`rtsp://cam.example/${name}`), `rtsp://cam.example/${name}`);
});

test('a password that a path names is *** for administrators, and *** keeps only the same path', () => {
  const before = 'rtsp://cam.example/user=admin_password=s3c/ret_channel=1_stream=0.sdp';
  const address = 'rtsp://cam.example/user=admin_password=s3cret_channel=1_stream=0.sdp?x=1';
  const shown = 'rtsp://cam.example/user=admin_password=***_channel=1_stream=0.sdp?***';
  assert.equal(maskedAddress(address), shown);
  assert.doesNotMatch(maskedAddress(before), /s3c/);
  assert.equal(maskedAddress('http://x.example/a;pwd=s3cret&b=1/c'), 'http://x.example/a;pwd=***&b=1/c');
  assert.equal(
    maskedAddress('http://x.example/user%3Da%26password%3Ds3cret'),
    'http://x.example/user%3Da%26password%3D***',
  );
  assert.equal(withKeptSecrets(shown, address), address);
  assert.equal(withKeptSecrets(shown.replace('?***', ''), address), address.replace('?x=1', ''));
  for (const other of [shown.replace('cam.', 'other.'), shown.replace('admin', 'root'), 'rtsp://cam.example/***/0.sdp'])
    assert.throws(() => withKeptSecrets(other, address), { name: 'FormatError' }, other);
  // What another key has sealed is not there to be kept.
  assert.throws(() => withKeptSecrets('https://x.example/***/i.m3u8', 'https://x.example/***/i.m3u8'), /write the/);
  assert.throws(() => withKeptSecrets('https://x.example/***/i.m3u8', undefined), /write the/);
});

test('white space, and forms of HTTP that are opened all the same, hide nothing less', () => {
  for (const address of [
    ' rtsp://u:s3cret@cam.example/1',
    '\tsrt://cam.example:1?passphrase=s3cret-s3cret',
    ' whep+https://cam.example/1?key=s3cret',
    'http:u:s3cret@cam.example/1',
    'http:/u:s3cret@cam.example/1',
    'http:///u:s3cret@cam.example/1',
    'http:\\\\u:s3cret@cam.example/1',
    'http:/\t/u:s3cret@cam.example/1',
  ]) {
    assert.doesNotMatch(`${publicAddress(address)} ${maskedAddress(address)}`, /s3cret/, address);
    assert.equal(isSamePlace(address, address.replaceAll('cam', 'other')), false, address);
    // Sent back as it is shown, it is the same source.
    assert.match(withKeptSecrets(maskedAddress(address), address), /s3cret/, address);
  }
  assert.equal(isSamePlace('http://other.example\\@cam.example/1', 'http://cam.example/1'), false);
  assert.equal(isSamePlace('whep+http://other.example\\@cam.example/1', 'whep+http://cam.example/1'), false);
});

test('a user name with an @ hides nothing less', () => {
  assert.equal(maskedAddress('http://us@er:s3cret@cam.example/1'), 'http://us@er:***@cam.example/1');
});

test('a user without a password may be a token, and is not shown', () => {
  const before = 'https://t0ken@cam.example/live.m3u8';
  assert.equal(maskedAddress(before), 'https://***@cam.example/live.m3u8');
  assert.equal(withKeptSecrets('https://***@cam.example/2.m3u8', before), 'https://t0ken@cam.example/2.m3u8');
  for (const other of [
    'https://cam.example/live.m3u8',
    'https://u:p@cam.example/live.m3u8',
    'https://t0ken@x.example/',
  ])
    assert.throws(() => withKeptSecrets(maskedAddress(before), other), { name: 'FormatError' });
});

test('the address of a webhook is shown as far as webhooks differ by it', () => {
  assert.equal(shownHook('https://hooks.example/in'), 'https://hooks.example/in');
  assert.equal(shownHook('https://u:p@hooks.example/services/T0/B0/key?x=1'), 'https://hooks.example/services/…?…');
  assert.equal(shownHook('https://hooks.example/0b3e8a4a-6a35-4d5a-9a0e-000000000000'), 'https://hooks.example/…');
});

test('*** is the stored password for the same place, user and scheme only', () => {
  const before = 'rtsp://admin:old$&pass@cam.example:554/ch/1?token=x';
  assert.equal(withKeptSecrets(maskedAddress(before), before), before);
  assert.equal(
    withKeptSecrets('rtsp://admin:***@cam.example:554/ch/2', before),
    'rtsp://admin:old$&pass@cam.example:554/ch/2',
  );
  assert.equal(withKeptSecrets('rtsp://admin:new@other.example/ch/2', before), 'rtsp://admin:new@other.example/ch/2');
  assert.equal(withKeptSecrets('rtsp://cam.example:554/ch/1', before), 'rtsp://cam.example:554/ch/1');
  for (const other of [
    'rtsp://admin:***@other.example:554/ch/1',
    'rtsp://admin:***@cam.example:555/ch/1',
    'rtsps://admin:***@cam.example:554/ch/1',
    'http://admin:***@cam.example:554/ch/1',
    'rtsp://root:***@cam.example:554/ch/1',
    'rtsp://admin:***@cam.example:554\\.other.example/ch/1',
    'rtsp://admin:***@cam.example:554\n.other.example/ch/1',
  ])
    assert.throws(() => withKeptSecrets(other, before), { name: 'FormatError' }, other);
  assert.throws(() => withKeptSecrets('rtsp://other.example/ch/1?***', before), { name: 'FormatError' });
  assert.throws(() => withKeptSecrets('rtsp://admin:***@cam.example/', undefined), { name: 'FormatError' });
  // What looks like the place before is a part of another password.
  const tricks = [
    'rtsp://admin:***@cam.example:554@other.example/1',
    'rtsp://admin:***@cam.example:554\\@other.example/1',
  ];
  for (const trick of tricks) assert.equal(withKeptSecrets(trick, before), trick);
});

test('addresses of a list that look the same each keep their secret', () => {
  const before = ['http://h.example/l.m3u8?key=1', 'off', 'http://h.example/l.m3u8?key=2'];
  const shown = before.map(maskedAddress);
  assert.equal(shown[0], shown[2]);
  assert.deepEqual(withAllKeptSecrets(shown, before), before);
  assert.deepEqual(withAllKeptSecrets([' http://h.example/other?***'], before), ['http://h.example/other?key=1']);
  assert.throws(() => withAllKeptSecrets(['http://evil.example/l.m3u8?***'], before), /write the password/);
});
