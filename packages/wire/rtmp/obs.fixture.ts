/**
 * The bytes of OBS (librtmp) from the handshake to the first media, as it sends them: headers of format 0, 1
 * and 3, one chunk stream for all media, 128-byte chunks until Set Chunk Size.
 * In: the stream key of its settings. Out: bytes in the steps in which OBS waits for answers.
 */
import { printAmf0 } from '@oxbow/media/amf/amf0';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const u24 = (value: number) => hex(value.toString(16).padStart(6, '0'));

/** A body in chunks, each after the first with a header of one byte. */
function chunks(header: Buffer, body: Uint8Array, chunkSize: number): Buffer {
  const pieces: Uint8Array[] = [header];
  for (let at = 0; at < body.length; at += chunkSize) {
    if (at > 0) pieces.push(Buffer.of(0xc0 | (header[0]! & 0x3f)));
    pieces.push(body.subarray(at, at + chunkSize));
  }
  return Buffer.concat(pieces);
}

const large = (id: number, type: number, streamId: number, body: Uint8Array) =>
  Buffer.concat([Buffer.of(id), u24(0), u24(body.length), Buffer.of(type, streamId, 0, 0, 0)]);
const medium = (id: number, deltaMs: number, type: number, body: Uint8Array) =>
  Buffer.concat([Buffer.of(0x40 | id), u24(deltaMs), u24(body.length), Buffer.of(type)]);

/** What OBS sends. */
export interface ObsSession {
  /** C0 and C1. */
  readonly hello: Buffer;
  /** C2 and connect. */
  readonly connect: Buffer;
  /** After the result of connect: Set Chunk Size, releaseStream, FCPublish, createStream, `_checkbw`. */
  readonly create: Buffer;
  readonly publish: Buffer;
  /** Metadata, an audio and a video message, then another one of each. */
  readonly media: Buffer;
  /** FCUnpublish and deleteStream. */
  readonly leave: Buffer;
}

/** @param key the field "Stream Key" of OBS, e.g. `studio?key=ok_…` */
export function obsSession(key: string, { app = 'live', host = '127.0.0.1' } = {}): ObsSession {
  const url = `rtmp://${host}/${app}`;
  const connect = printAmf0([
    'connect',
    1,
    {
      app,
      type: 'nonprivate',
      flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
      swfUrl: url,
      tcUrl: url,
      fourCcList: ['av01', 'vp09', 'hvc1'],
    },
  ]);
  const c1 = Buffer.alloc(1536, 0x5a);
  c1.fill(0, 0, 8);
  const release = printAmf0(['releaseStream', 2, null, key]);
  const fcPublish = printAmf0(['FCPublish', 3, null, key]);
  const createStream = printAmf0(['createStream', 4, null]);
  const checkBandwidth = printAmf0(['_checkbw', 5, null]);
  const publish = printAmf0(['publish', 5, null, key, 'live']);
  const metadata = printAmf0(['@setDataFrame', 'onMetaData', { duration: 0, width: 1280 }], { ecmaArrays: true });
  const audio = hex('af 00 1190');
  const video = Buffer.concat([hex('17 01 000000'), Buffer.alloc(9000, 0x42)]);
  const fcUnpublish = printAmf0(['FCUnpublish', 6, null, key]);
  const deleteStream = printAmf0(['deleteStream', 7, null, 1]);
  return {
    hello: Buffer.concat([Buffer.of(3), c1]),
    connect: Buffer.concat([c1, chunks(large(3, 20, 0, connect), connect, 128)]),
    create: Buffer.concat([
      hex('02 000000 000004 01 00000000 00001000'),
      ...[release, fcPublish, createStream, checkBandwidth].map((body) => chunks(medium(3, 0, 20, body), body, 4096)),
    ]),
    publish: chunks(large(4, 20, 1, publish), publish, 4096),
    media: Buffer.concat([
      chunks(large(4, 18, 1, metadata), metadata, 4096),
      chunks(large(4, 8, 1, audio), audio, 4096),
      chunks(medium(4, 0, 9, video), video, 4096),
      chunks(medium(4, 21, 8, audio), audio, 4096),
      chunks(medium(4, 12, 9, video), video, 4096),
    ]),
    leave: Buffer.concat([
      chunks(medium(3, 0, 20, fcUnpublish), fcUnpublish, 4096),
      chunks(medium(3, 0, 20, deleteStream), deleteStream, 4096),
    ]),
  };
}
