/**
 * The text after the start of the server: where to watch, to publish and to sign in.
 * In: settings, opened ports. Out: text for the terminal. Pure.
 */
import { relative } from 'node:path';
import { printPublishAddresses } from '../api/publish/publish-address.ts';
import type { RunningApp } from '../app/app.ts';
import { type Endpoint, isLoopback, printHost } from '../config/address.ts';
import { isExposed } from '../config/exposure.ts';
import type { Config, SourceConfig } from '../config/schema.ts';
import { printDuration } from '../lib/duration.ts';
import { version } from '../lib/version.ts';
import { table } from './terminal.ts';

/** Where the server was opened. */
type StartedServer = Pick<RunningApp, 'httpUrl' | 'signIn' | 'endpoints'>;

/** The text after the start: addresses, retention, streams, fields for encoders. */
export function startText(config: Config, { httpUrl, signIn, endpoints }: StartedServer): string {
  const base = config.publicUrl ?? httpUrl;
  const folder = relative(process.cwd(), config.data) || '.';
  const shown = folder.startsWith('..') ? config.data : folder;
  const rows: string[][] = [];
  if (signIn !== undefined) {
    rows.push(['  Sign in', `${base}${signIn}`]);
    rows.push(['', 'to add streams and change settings; works once, within 15 minutes']);
  }
  rows.push(['  Watch', base], ['  Recordings', `${shown}, kept ${printDuration(config.record.keep)}`]);
  for (const [index, [name, stream]] of Object.entries(config.streams).entries()) {
    const kept = !stream.record
      ? ', not recorded'
      : stream.keep === undefined
        ? ''
        : `, kept ${printDuration(stream.keep)}`;
    rows.push([index === 0 ? '  Streams' : '', `${base}/watch/${name}  ${whence(stream.source)}${kept}`]);
  }
  rows.push(...publishRows(config, base, endpoints));
  const reach = !isExposed(config)
    ? 'Only this computer can connect; --listen 0.0.0.0 opens it to the network.'
    : isLoopback(config.http.address)
      ? 'Others reach it through a proxy.'
      : 'Others on the network reach it by the name or address of this computer.';
  return `oxbow ${version}\n\n${table(rows)}\n\n${reach} Ctrl-C ends it.\n`;
}

/** How to publish, by each protocol that listens: the next step of a user with an encoder. */
function publishRows(
  config: Config,
  base: string,
  { rtmp, rtmps, srt, srtla, rtsp, webrtc }: StartedServer['endpoints'],
): string[][] {
  if (!rtmp && !rtmps && !srt && !srtla && !rtsp && !webrtc) return [];
  const publicHost = config.publicUrl && URL.parse(config.publicUrl)?.hostname;
  const addressesOf = (protocol: 'rtmp' | 'rtmps' | 'srt', endpoint: Endpoint | undefined) => {
    const ports = {
      rtmp: undefined,
      rtmps: undefined,
      srt: undefined,
      webrtc: undefined,
      srtLatencyMs: config.srtLatency,
      srtEncrypted: config.srtPassphrase !== undefined,
    };
    return (
      endpoint &&
      printPublishAddresses({
        host: publicHost ?? printHost(endpoint.address),
        ports: { ...ports, [protocol]: endpoint.port },
        stream: 'NAME',
        key: 'KEY',
      })
    );
  };
  const addresses = [
    ['RTMP', addressesOf('rtmp', rtmp)?.rtmp?.server],
    ['RTMPS', addressesOf('rtmps', rtmps)?.rtmps?.server],
    ['SRT', addressesOf('srt', srt)?.srt],
    ['SRTLA', srtla && `${publicHost ?? printHost(srtla.address)}:${srtla.port}, stream id publish:NAME:KEY`],
    ['RTSP', rtsp && `rtsp://${publicHost ?? printHost(rtsp.address)}:${rtsp.port}/NAME?key=KEY`],
    ['WHIP', webrtc && `${base}/whip/NAME`],
  ].filter((row): row is [string, string] => row[1] !== undefined);
  return [
    ['  Publish', `${base}/go-live`],
    ['', 'creates a stream key, and shows the fields for OBS and other encoders'],
    ...table(addresses)
      .split('\n')
      .map((line) => ['', line]),
  ];
}

/** The source as text, without secrets of its URL. */
function whence(source: SourceConfig): string {
  if (source.type === 'pull') return `(from ${URL.parse(source.url)?.host || source.url})`;
  return source.type === 'push' ? '(waits for a publisher)' : '(test picture)';
}
