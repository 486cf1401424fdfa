/**
 * Sample entries of text and metadata: `wvtt` for WebVTT, `urim` for timed metadata with a URI.
 * In: a TextConfig or DataConfig, or an entry of an stsd. Out: box bytes, or a configuration. Pure.
 * ISO/IEC 14496-30, 7.5 (wvtt, vttC); ISO/IEC 14496-12, 12.3.3 (urim, uri).
 */
import type { DataConfig, TextConfig } from '../../frame.ts';
import { type Box, type BoxWriter, findBox, needBox, readBoxes } from '../box.ts';

/**
 * URI of each kind of metadata. For ID3 and SCTE 35 these are the scheme_id_uri of their `emsg` boxes
 * (Carriage of ID3 Timed Metadata in CMAF, 2; SCTE 214-3); an EXT-X-DATERANGE has none, so it is named by the
 * standard that defines it.
 */
const URIS: Readonly<Record<DataConfig['codec'], string>> = {
  id3: 'https://aomedia.org/emsg/ID3',
  scte35: 'urn:scte:scte35:2013:bin',
  daterange: 'urn:ietf:rfc:8216#EXT-X-DATERANGE',
};
const MAX_URI_BYTES = 1024;
/** reserved, data_reference_index */
const FIXED = 8;
const empty = new Uint8Array(0);

/** The kind of metadata of the URI of an `emsg` or a `urim` entry; undefined if unknown. */
export function dataCodecOf(uri: string): DataConfig['codec'] | undefined {
  return (Object.keys(URIS) as DataConfig['codec'][]).find((codec) => URIS[codec] === uri);
}

/** The configuration of a data track. */
export function dataConfigOf(codec: DataConfig['codec']): DataConfig {
  return { codec, record: empty, codecs: '' };
}

function openEntry(writer: BoxWriter, type: string): number {
  const entry = writer.open(type);
  writer.zeros(6);
  writer.u16(1); // data_reference_index
  return entry;
}

/** Writes the entry of a text track. */
export function printWvttEntry(writer: BoxWriter, config: TextConfig): void {
  const entry = openEntry(writer, 'wvtt');
  const head = writer.open('vttC');
  writer.raw(config.record);
  writer.close(head);
  writer.close(entry);
}

/**
 * Reads a `wvtt` entry.
 *
 * @throws FormatError if it is malformed
 */
export function parseWvttEntry(bytes: Uint8Array, entry: Box): TextConfig {
  const head = needBox(readBoxes(bytes, entry.body + FIXED, entry.end), 'vttC', entry);
  return { codec: 'webvtt', record: new Uint8Array(bytes.subarray(head.body, head.end)), codecs: 'wvtt' };
}

/** Writes the entry of a data track. */
export function printUrimEntry(writer: BoxWriter, config: DataConfig): void {
  const entry = openEntry(writer, 'urim');
  const uri = writer.openFull('uri ', 0, 0);
  writer.raw(new TextEncoder().encode(`${URIS[config.codec]}\0`));
  writer.close(uri);
  writer.close(entry);
}

/**
 * Reads a `urim` entry.
 *
 * @returns undefined for an unknown URI
 * @throws FormatError if it is malformed
 */
export function parseUrimEntry(bytes: Uint8Array, entry: Box): DataConfig | undefined {
  const uri = findBox(readBoxes(bytes, entry.body + FIXED, entry.end), 'uri ');
  if (!uri || uri.end - uri.body > MAX_URI_BYTES) return undefined;
  const text = new TextDecoder().decode(new Uint8Array(bytes.subarray(uri.body + 4, uri.end)));
  const codec = dataCodecOf(text.replace(/\0.*$/s, ''));
  return codec && dataConfigOf(codec);
}
