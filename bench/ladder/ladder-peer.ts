/**
 * The peer of `npm run bench -- ladder`: node-av's decoder, scalers and x264 called from one script, with the
 * settings of oxbow's rungs.
 * In: a file, sizes and rates on the command line (JSON). Out: bytes of each rung, JSON. Times, segments and
 * files are left out.
 */
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  FF_ENCODER_LIBX264,
  SWS_BICUBIC,
} from 'node-av/constants';
import { Codec, CodecContext, FormatContext, Frame, Packet, Rational, SoftwareScaleContext } from 'node-av/lib';
import { softwareSettings } from '../../src/ffmpeg/child/ladder/encoder-settings.ts';
import type { LadderVideoRendition } from '../../src/ffmpeg/ladder-options.ts';

const { path, rungs, threads, gop } = JSON.parse(process.argv[2]!) as {
  path: string;
  rungs: LadderVideoRendition[];
  threads: number;
  gop: number;
};
const format = new FormatContext();
format.allocContext();
format.openInputSync(path, null, null);
format.findStreamInfoSync(null);
const stream = format.streams[0]!;
const decoder = new CodecContext();
const codec = Codec.findDecoder(stream.codecpar.codecId)!;
decoder.allocContext3(codec);
decoder.parametersToContext(stream.codecpar);
decoder.threadCount = threads;
decoder.open2Sync(codec, null);

const { width, height } = stream.codecpar;
const packet = new Packet();
packet.alloc();
const outputs = rungs.map((rung) => {
  const encoder = new CodecContext();
  const x264 = Codec.findEncoderByName(FF_ENCODER_LIBX264)!;
  encoder.allocContext3(x264);
  encoder.width = rung.width;
  encoder.height = rung.height;
  encoder.pixelFormat = AV_PIX_FMT_YUV420P;
  encoder.timeBase = new Rational(rung.frameRate.den, rung.frameRate.num);
  encoder.framerate = new Rational(rung.frameRate.num, rung.frameRate.den);
  encoder.gopSize = 1_000_000;
  encoder.maxBFrames = rung.bFrames;
  encoder.threadCount = threads;
  encoder.rcMaxRate = BigInt(rung.maxRate);
  encoder.rcBufferSize = rung.bufferSize;
  encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  for (const [name, value] of Object.entries(softwareSettings(rung, threads))) encoder.setOption(name, value);
  encoder.open2Sync(x264, null);
  const scaler = new SoftwareScaleContext();
  scaler.getContext(width, height, AV_PIX_FMT_YUV420P, rung.width, rung.height, AV_PIX_FMT_YUV420P, SWS_BICUBIC);
  const output = { encoder, scaler, rung, bytes: 0 };
  return output;
});

function drain(output: (typeof outputs)[number]): void {
  while (output.encoder.receivePacketSync(packet) >= 0) {
    output.bytes += packet.size;
    packet.unref();
  }
}

let number = 0;
const picture = new Frame();
picture.alloc();
function pictures(): void {
  while (decoder.receiveFrameSync(picture) >= 0) {
    for (const output of outputs) {
      const scaled = new Frame();
      scaled.alloc();
      scaled.format = AV_PIX_FMT_YUV420P;
      scaled.width = output.rung.width;
      scaled.height = output.rung.height;
      scaled.getBuffer(0);
      output.scaler.scaleFrameSync(scaled, picture);
      scaled.pts = BigInt(number);
      scaled.pictType = number % gop === 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
      output.encoder.sendFrameSync(scaled);
      scaled.free();
      drain(output);
    }
    number++;
    picture.unref();
  }
}

const input = new Packet();
input.alloc();
while (format.readFrameSync(input) >= 0) {
  if (input.streamIndex === stream.index) {
    decoder.sendPacketSync(input);
    pictures();
  }
  input.unref();
}
decoder.sendPacketSync(null);
pictures();
for (const output of outputs) {
  output.encoder.sendFrameSync(null);
  drain(output);
}
process.stdout.write(JSON.stringify({ pictures: number, bytes: outputs.map(({ bytes }) => bytes) }), () =>
  process.exit(0),
);
