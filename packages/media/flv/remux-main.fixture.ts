/**
 * Copies the tracks of a file into another container with FFmpeg 8: the child process of tests that need
 * enhanced FLV.
 * In: the arguments `input output format`. Out: the output. Native code: its own process.
 */
import { Demuxer, Muxer } from 'node-av/api';

const [input = '', output = '', format = 'flv'] = process.argv.slice(2);
const demuxer = await Demuxer.open(input);
const muxer = await Muxer.open(output, { input: demuxer, format });
const media = demuxer.streams.filter(({ codecpar }) => codecpar.codecType <= 1); // video is 0, audio 1
const streams = new Map(media.map((stream) => [stream.index, muxer.addStream(stream)]));
for await (const packet of demuxer.packets()) {
  if (!packet) break;
  const index = streams.get(packet.streamIndex);
  if (index !== undefined) await muxer.writePacket(packet, index);
  packet.free();
}
await muxer.close();
await demuxer.close();
