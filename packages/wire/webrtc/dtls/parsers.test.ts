import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import {
  certificateRequest,
  parseCertificates,
  parseClientKey,
  parseServerKeyExchange,
  parseSignature,
  printCertificates,
  printKeyParameters,
  printSignature,
} from './handshake-message.ts';
import {
  type ClientHello,
  parseClientHello,
  parseCookie,
  parseServerHello,
  printClientHello,
  printServerHello,
} from './hello.ts';
import { KeyAgreement } from './key-agreement.ts';
import { contentType, openRecord, parseRecords, printRecord, sealRecord } from './record.ts';

const clientHello: ClientHello = {
  version: 0xfefd,
  random: new Uint8Array(32).fill(1),
  cookie: Uint8Array.of(1, 2, 3),
  cipherSuites: [0xc02b, 0xc02f],
  groups: [23],
  signatures: [0x0403, 0x0401],
  srtpProfiles: [7, 1],
  extendedMasterSecret: true,
  renegotiationInfo: true,
};
const serverHello = {
  version: 0xfefd,
  random: new Uint8Array(32).fill(2),
  cipherSuite: 0xc02b,
  srtpProfile: 7,
  extendedMasterSecret: true,
  renegotiationInfo: false,
};
const keys = { key: new Uint8Array(16).fill(3), salt: new Uint8Array(4).fill(4) };
const record = { type: contentType.alert, epoch: 1, sequence: 2 ** 32 + 5, fragment: Uint8Array.of(1, 0) };

test('hellos and records that are printed are read again', () => {
  assert.deepEqual(parseClientHello(printClientHello(clientHello)), clientHello);
  assert.deepEqual(parseServerHello(printServerHello(serverHello)), serverHello);
  const bare = { ...serverHello, srtpProfile: undefined, extendedMasterSecret: false };
  assert.deepEqual(parseServerHello(printServerHello(bare)), bare);
  assert.deepEqual(parseRecords(printRecord(record)), [record]);
});

test('a record opens with its keys only, and only unchanged', () => {
  const printed = printRecord(sealRecord(keys, record));
  const [sealed] = parseRecords(printed);
  assert.deepEqual(new Uint8Array(openRecord(keys, sealed!)!), record.fragment);
  assert.equal(openRecord({ ...keys, salt: new Uint8Array(4) }, sealed!), undefined);
  for (const changed of [{ sequence: 6 }, { type: 22 }, { epoch: 2 }, { fragment: sealed!.fragment.subarray(1) }]) {
    assert.equal(openRecord(keys, { ...sealed!, ...changed }), undefined);
  }
  for (let length = 0; length < 26; length++) {
    assert.equal(openRecord(keys, { ...sealed!, fragment: sealed!.fragment.subarray(0, length) }), undefined);
  }
});

test('a public key that is not on the curve is refused as malformed', () => {
  for (const key of [new Uint8Array(0), new Uint8Array(65), new Uint8Array(65).fill(4), new Uint8Array(32).fill(9)]) {
    assert.throws(() => new KeyAgreement().agree(key), { name: 'FormatError' });
  }
});

test('damaged messages throw FormatError and nothing else (40,000 inputs, seeded)', () => {
  const parsers: [(bytes: Uint8Array) => unknown, Uint8Array][] = [
    [parseRecords, printRecord(record)],
    [parseClientHello, printClientHello(clientHello)],
    [parseServerHello, printServerHello(serverHello)],
    [parseCookie, Uint8Array.of(0xfe, 0xff, 3, 1, 2, 3)],
    [parseCertificates, printCertificates(new Uint8Array(40))],
    [
      parseServerKeyExchange,
      Uint8Array.from([...printKeyParameters(23, new Uint8Array(65)), ...printSignature(0x0403, new Uint8Array(70))]),
    ],
    [parseSignature, printSignature(0x0403, new Uint8Array(70))],
    [parseClientKey, Uint8Array.of(3, 1, 2, 3)],
    [parseCertificates, certificateRequest],
  ];
  const random = seeded(5246);
  let failures = 0;
  for (let n = 0; n < 40_000; n++) {
    const [parse, valid] = parsers[n % parsers.length]!;
    const damaged = Uint8Array.from(valid.subarray(0, random(2) ? valid.length : random(valid.length + 1)));
    for (let i = random(4); i > 0; i--) damaged[random(damaged.length || 1)] = random(256);
    try {
      parse(damaged);
    } catch (error) {
      assert.equal((error as Error).name, 'FormatError');
      failures++;
    }
  }
  assert.ok(failures > 5000 && failures < 39_000, `${failures} were refused`);
});
