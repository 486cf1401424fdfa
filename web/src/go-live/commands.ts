/**
 * What each program has to be given to publish to a stream: fields, commands, addresses for phones.
 * In: the addresses of the API. Out: text to copy. Pure.
 */
import type { PublishAddresses } from '../api/publishing.ts';
import { isLoopback } from '../components/links/local-link.ts';

/** A protocol that a publisher may choose. */
export type PublishProtocol = 'rtmp' | 'rtmps' | 'srt';

/** The protocols that are on, the usual one first. */
export function protocolsOf(addresses: PublishAddresses): readonly PublishProtocol[] {
  return (['rtmp', 'rtmps', 'srt'] as const).filter((protocol) => addresses[protocol] !== undefined);
}

/** The whole address for programs with a single field; empty while the protocol is off. */
export function publishUrl(addresses: PublishAddresses, protocol: PublishProtocol): string {
  return (protocol === 'srt' ? addresses.srt : addresses[protocol]?.url) ?? '';
}

/** 2 s at 30 fps: the key frame interval of all commands, in frames. */
const KEY_FRAMES = 60;

/** Container of each protocol: name of the muxer in ffmpeg. */
const muxers = { rtmp: 'flv', rtmps: 'flv', srt: 'mpegts' } as const;

/**
 * The two ffmpeg commands: a file at its own speed, and a test picture. Quotes work in POSIX shells and in
 * cmd.exe.
 */
export function ffmpegCommands(
  url: string,
  protocol: PublishProtocol,
): { readonly file: string; readonly test: string } {
  const video = `-c:v libx264 -preset veryfast -pix_fmt yuv420p -b:v 4500k -maxrate 4500k -bufsize 9000k -g ${KEY_FRAMES}`;
  const output = `${video} -c:a aac -b:a 160k -f ${muxers[protocol]} "${url}"`;
  return {
    file: `ffmpeg -re -i video.mp4 ${output}`,
    test: `ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 ${output}`,
  };
}

/**
 * A GStreamer pipeline with a test picture; `videotestsrc` and `audiotestsrc` are to be replaced by a camera
 * and a microphone.
 */
export function gstreamerCommand(url: string, protocol: PublishProtocol): string {
  const out =
    protocol === 'srt'
      ? `mpegtsmux name=mux alignment=7 ! srtsink uri="${url}" wait-for-connection=false`
      : `flvmux name=mux streamable=true ! rtmp2sink location="${url}"`;
  return [
    `gst-launch-1.0 -e ${out}`,
    'videotestsrc is-live=true ! video/x-raw,width=1280,height=720,framerate=30/1 ! videoconvert',
    `! x264enc bitrate=4500 speed-preset=veryfast tune=zerolatency key-int-max=${KEY_FRAMES} ! h264parse ! queue ! mux.`,
    'audiotestsrc is-live=true ! audioconvert ! audioresample ! avenc_aac bitrate=160000 ! aacparse ! queue ! mux.',
  ].join(' ');
}

/**
 * A link that adds the address to Larix Broadcaster on a phone, in its configuration format: the stream id of
 * SRT is its own field.
 */
export function larixLink(url: string, stream: string): string {
  const [address = '', query] = url.startsWith('srt:') ? url.split('?') : [url];
  const set = new URLSearchParams({
    'conn[][url]': address,
    'conn[][name]': `oxbow ${stream}`,
    'conn[][overwrite]': 'on',
  });
  const streamId = new URLSearchParams(query).get('streamid');
  if (streamId !== null) set.set('conn[][srtstreamid]', streamId);
  return `larix://set/v1?${set.toString().replaceAll('+', '%20')}`;
}

/**
 * Who reaches an address: all (`open`), this computer because oxbow listens there only (`closed`), or because
 * the address says so.
 */
type Reach = 'open' | 'closed' | 'local-name';

/**
 * Who reaches an address for publishing.
 *
 * @param url the address for publishers
 * @param listen the address on which the protocol listens; undefined if it is not known
 */
export function reachOf(url: string, listen: string | undefined): Reach {
  if (listen !== undefined && isLoopback(`http://${listen}`)) return 'closed';
  if (!isLoopback(url)) return 'open';
  return listen === undefined ? 'closed' : 'local-name';
}

/** The address on which a protocol listens: its own (`ADDRESS:PORT`), otherwise that of all ports. */
export function listenOf(
  settings: readonly { readonly path: string; readonly value: string }[],
  protocol: PublishProtocol,
): string | undefined {
  const settingOf = (path: string) => settings.find((setting) => setting.path === path)?.value.replaceAll('"', '');
  const host = /^(.+):\d+$/.exec(settingOf(protocol) ?? '')?.[1];
  return host ?? settingOf('listen');
}
