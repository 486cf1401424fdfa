/**
 * The origin of `bench edge` for recorded video: 1,000 assets whose segments are generated, with the header
 * fields of oxbow.
 * In: bytes of a segment. Out: its port on standard output; responses.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SEGMENTS } from './viewing.ts';

const bytes = Number(process.argv[2]);
const media = Buffer.alloc(bytes, 'oxbow');
const list = [
  ...['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:4', '#EXT-X-PLAYLIST-TYPE:VOD'],
  ...Array.from({ length: SEGMENTS }, (_, i) => `#EXTINF:4.00000,\nv0/${i}.m4s`),
  '#EXT-X-ENDLIST\n',
].join('\n');

const server = createServer((request, response) => {
  const url = request.url!;
  const isList = url.endsWith('.m3u8');
  response.writeHead(200, {
    'cache-control': isList ? 'public, max-age=3600' : 'public, max-age=31536000, immutable',
    'content-type': isList ? 'application/vnd.apple.mpegurl' : 'video/iso.segment',
    etag: `"${url}"`,
    'content-length': isList ? list.length : bytes,
  });
  response.end(isList ? list : media);
});
server.keepAliveTimeout = 75_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
