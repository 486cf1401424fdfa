/**
 * Reads what a player needs of fragmented MP4, on its own: tracks of a Media Initialization Section, samples
 * of a segment.
 * In: bytes. Out: values, and sentences about what has no lawful form. Never throws. ISO/IEC 14496-12, 4.2
 * and 8; 14496-14, 5.6; 14496-15.
 */

/** A box between two offsets of its array. */
interface Box {
  readonly type: string;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

/** A track of an initialization section. */
export interface InitTrack {
  readonly id: number;
  /** `vide`, `soun`, … */
  readonly handler: string;
  readonly timescale: number;
  /** `avc1`, `mp4a`, … */
  readonly format: string;
  /** RFC 6381. */
  readonly codecs: string;
  /** Of the sample entry; 0 without a picture. */
  readonly width: number;
  readonly height: number;
  /** Body of avcC or hvcC. */
  readonly record: Uint8Array | undefined;
  readonly defaults: { duration: number; size: number; flags: number };
}

/** An initialization section. */
export interface InitSection {
  readonly tracks: readonly InitTrack[];
  readonly problems: readonly string[];
}

/** A sample; times in ticks. */
export interface Sample {
  readonly dts: number;
  readonly duration: number;
  readonly composition: number;
  readonly sync: boolean;
  readonly size: number;
}

/** One track in one moof. */
export interface Fragment {
  readonly trackId: number;
  /** Number in the mfhd; NaN where it is missing. */
  readonly sequence: number;
  /** NaN where the tfdt is missing. */
  readonly tfdt: number;
  readonly samples: readonly Sample[];
  /** moof and mdat as they were sent. */
  readonly bytes: Uint8Array;
}

/** A segment or part. */
export interface Fragments {
  readonly fragments: readonly Fragment[];
  readonly problems: readonly string[];
}

const u16 = (b: Uint8Array, at: number) => (b[at]! << 8) | b[at + 1]!;
const u32 = (b: Uint8Array, at: number) => b[at]! * 2 ** 24 + ((b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!);
const i32 = (b: Uint8Array, at: number) => u32(b, at) | 0;
const u64 = (b: Uint8Array, at: number) => u32(b, at) * 2 ** 32 + u32(b, at + 4);
const four = (b: Uint8Array, at: number) => String.fromCharCode(...b.subarray(at, at + 4));
const hex = (value: number) => value.toString(16).padStart(2, '0');

function boxesIn(bytes: Uint8Array, from: number, to: number, problems: string[]): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at < to; ) {
    const size = at + 8 <= to ? u32(bytes, at) : 0;
    if (size < 8 || at + size > to) {
      problems.push(`at byte ${at} begins no box that ends before ${to}`);
      return boxes;
    }
    boxes.push({ type: four(bytes, at + 4), start: at, body: at + 8, end: at + size });
    at += size;
  }
  return boxes;
}

/** Follows a path of box types; undefined where it ends. */
function find(bytes: Uint8Array, boxes: readonly Box[], ...path: string[]): Box | undefined {
  const [type, ...rest] = path;
  const box = boxes.find((one) => one.type === type);
  return box && rest.length > 0 ? find(bytes, boxesIn(bytes, box.body, box.end, []), ...rest) : box;
}

/** Reads an initialization section. */
export function readInit(bytes: Uint8Array): InitSection {
  const problems: string[] = [];
  const boxes = boxesIn(bytes, 0, bytes.length, problems);
  const count = (type: string) => boxes.filter((box) => box.type === type).length;
  if (boxes[0]?.type !== 'ftyp') problems.push('it does not begin with ftyp');
  if (count('moov') !== 1) problems.push(`it has ${count('moov')} moov`);
  if (count('moof') + count('mdat') > 0) problems.push('it has media itself');
  const moov = boxes.find(({ type }) => type === 'moov');
  if (!moov) return { tracks: [], problems };
  const inMoov = boxesIn(bytes, moov.body, moov.end, problems);
  const mvex = find(bytes, inMoov, 'mvex');
  if (!mvex) problems.push('moov has no mvex');
  const trexes = mvex ? boxesIn(bytes, mvex.body, mvex.end, problems).filter(({ type }) => type === 'trex') : [];
  const tracks = inMoov
    .filter(({ type }) => type === 'trak')
    .map((trak) => {
      const track = readTrak(bytes, trak, problems);
      const trex = trexes.find(({ body }) => u32(bytes, body + 4) === track.id);
      if (!trex) problems.push(`track ${track.id} has no trex`);
      else if (u32(bytes, trex.body + 8) !== 1) problems.push(`trex of track ${track.id} names no sample entry 1`);
      const [duration, size, flags] = trex ? [12, 16, 20].map((at) => u32(bytes, trex.body + at)) : [0, 0, 0];
      return { ...track, defaults: { duration: duration!, size: size!, flags: flags! } };
    });
  if (tracks.length === 0) problems.push('moov has no track');
  if (new Set(tracks.map(({ id }) => id)).size < tracks.length) problems.push('two tracks have the same id');
  return { tracks, problems };
}

function readTrak(bytes: Uint8Array, trak: Box, problems: string[]): Omit<InitTrack, 'defaults'> {
  const boxes = boxesIn(bytes, trak.body, trak.end, problems);
  const tkhd = find(bytes, boxes, 'tkhd');
  const id = tkhd ? u32(bytes, tkhd.body + (bytes[tkhd.body] === 1 ? 20 : 12)) : 0;
  const mdhd = find(bytes, boxes, 'mdia', 'mdhd');
  const timescale = mdhd ? u32(bytes, mdhd.body + (bytes[mdhd.body] === 1 ? 20 : 12)) : 0;
  const hdlr = find(bytes, boxes, 'mdia', 'hdlr');
  const stbl = find(bytes, boxes, 'mdia', 'minf', 'stbl');
  const tables = stbl ? boxesIn(bytes, stbl.body, stbl.end, problems) : [];
  for (const [type, at] of [
    ['stts', 4],
    ['stsc', 4],
    ['stsz', 8],
    ['stco', 4],
  ] as const) {
    const table = tables.find((box) => box.type === type);
    if (table && u32(bytes, table.body + at) !== 0) problems.push(`${type} of track ${id} is not empty`);
    if (!table) problems.push(`track ${id} has no ${type}`);
  }
  const stsd = tables.find(({ type }) => type === 'stsd');
  const entry = stsd && boxesIn(bytes, stsd.body + 8, stsd.end, problems)[0];
  const common = { id, timescale, handler: hdlr ? four(bytes, hdlr.body + 8) : '' };
  if (!entry) return { ...common, format: '', codecs: '', width: 0, height: 0, record: undefined };
  const isVideo = common.handler === 'vide';
  const inside = boxesIn(bytes, entry.body + (isVideo ? 78 : 28), entry.end, problems);
  const body = (type: string) => {
    const box = inside.find((one) => one.type === type);
    return box && bytes.subarray(box.body, box.end);
  };
  const record = body('avcC') ?? body('hvcC');
  return {
    ...common,
    ...(isVideo
      ? { width: u16(bytes, entry.body + 24), height: u16(bytes, entry.body + 26) }
      : { width: 0, height: 0 }),
    format: entry.type,
    codecs: codecsOf(entry.type, record, body('esds')),
    record,
  };
}

/** RFC 6381 names from decoder configurations. */
function codecsOf(format: string, record: Uint8Array | undefined, esds: Uint8Array | undefined): string {
  if (format === 'avc1' || format === 'avc3') {
    return record ? `${format}.${hex(record[1]!)}${hex(record[2]!)}${hex(record[3]!)}` : format;
  }
  if ((format === 'hvc1' || format === 'hev1') && record) return hevcCodecs(format, record);
  if (format === 'mp4a' && esds) return aacCodecs(esds);
  return format;
}

/** ISO/IEC 14496-15, annex E.3. */
function hevcCodecs(format: string, record: Uint8Array): string {
  const space = ['', 'A', 'B', 'C'][record[1]! >> 6]!;
  const reversed = [...u32(record, 2).toString(2).padStart(32, '0')].reverse().join('');
  const flags = Number.parseInt(reversed, 2).toString(16).toUpperCase();
  const constraints = [...record.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  const tail = constraints.map((byte) => `.${byte.toString(16).toUpperCase()}`).join('');
  const tier = record[1]! & 0x20 ? 'H' : 'L';
  return `${format}.${space}${record[1]! & 31}.${flags}.${tier}${record[12]}${tail}`;
}

/** DecoderConfigDescriptor and AudioSpecificConfig within an esds (14496-1, 7.2.6). */
function aacCodecs(esds: Uint8Array): string {
  let at = 4;
  const descriptor = () => {
    const tag = esds[at++]!;
    while (esds[at]! & 0x80) at++;
    at++;
    return tag;
  };
  if (descriptor() !== 3) return 'mp4a';
  at += 3;
  if (descriptor() !== 4) return 'mp4a';
  const type = esds[at]!;
  at += 13;
  if (descriptor() !== 5) return `mp4a.${hex(type)}`;
  const five = esds[at]! >> 3;
  const object = five === 31 ? 32 + (((esds[at]! & 7) << 3) | (esds[at + 1]! >> 5)) : five;
  return `mp4a.${hex(type)}.${object}`;
}

/** Reads a segment or part: pairs of moof and mdat. */
export function readFragments(bytes: Uint8Array, init: InitSection): Fragments {
  const problems: string[] = [];
  const fragments: Fragment[] = [];
  const boxes = boxesIn(bytes, 0, bytes.length, problems).filter(
    ({ type }) => !['styp', 'sidx', 'prft', 'emsg', 'free'].includes(type),
  );
  if (boxes.length === 0) problems.push('it has no media');
  for (let i = 0; i < boxes.length; i += 2) {
    const [moof, mdat] = [boxes[i]!, boxes[i + 1]];
    if (moof.type !== 'moof' || mdat?.type !== 'mdat') {
      problems.push(`${moof.type} and ${mdat?.type ?? 'nothing'} stand where moof and mdat should`);
      return { fragments, problems };
    }
    const inMoof = boxesIn(bytes, moof.body, moof.end, problems);
    const trafs = inMoof.filter(({ type }) => type === 'traf');
    const mfhd = inMoof.find(({ type }) => type === 'mfhd');
    const sequence = mfhd ? u32(bytes, mfhd.body + 4) : Number.NaN;
    if (trafs.length !== 1) problems.push(`moof at byte ${moof.start} has ${trafs.length} traf`);
    for (const traf of trafs) fragments.push({ sequence, ...readTraf(bytes, moof, mdat, traf, init, problems) });
  }
  return { fragments, problems };
}

function readTraf(
  b: Uint8Array,
  moof: Box,
  mdat: Box,
  traf: Box,
  init: InitSection,
  problems: string[],
): Omit<Fragment, 'sequence'> {
  const boxes = boxesIn(b, traf.body, traf.end, problems);
  const tfhd = boxes.find(({ type }) => type === 'tfhd');
  const trackId = tfhd ? u32(b, tfhd.body + 4) : 0;
  const defaults = {
    ...(init.tracks.find(({ id }) => id === trackId)?.defaults ?? { duration: 0, size: 0, flags: 0 }),
  };
  if (tfhd) {
    const flags = u32(b, tfhd.body) & 0xffffff;
    if (!(flags & 0x020000)) problems.push(`tfhd of track ${trackId} lacks default-base-is-moof`);
    let at = tfhd.body + 8 + (flags & 1 ? 8 : 0) + (flags & 2 ? 4 : 0);
    const next = () => {
      at += 4;
      return u32(b, at - 4);
    };
    if (flags & 0x08) defaults.duration = next();
    if (flags & 0x10) defaults.size = next();
    if (flags & 0x20) defaults.flags = next();
  }
  const tfdt = boxes.find(({ type }) => type === 'tfdt');
  const start = tfdt ? (b[tfdt.body] === 1 ? u64(b, tfdt.body + 4) : u32(b, tfdt.body + 4)) : Number.NaN;
  const samples: Sample[] = [];
  let dts = start;
  for (const trun of boxes.filter(({ type }) => type === 'trun')) {
    const word = u32(b, trun.body);
    const count = u32(b, trun.body + 4);
    let at = trun.body + 8;
    let data = mdat.body;
    if (word & 1) {
      data = moof.start + i32(b, at);
      at += 4;
    }
    const next = () => {
      at += 4;
      return u32(b, at - 4);
    };
    const firstFlags = word & 4 ? next() : undefined;
    const fields = [0x100, 0x200, 0x400, 0x800].filter((bit) => word & bit).length;
    if (at + count * fields * 4 > trun.end) {
      problems.push(`trun of track ${trackId} ends early`);
      break;
    }
    for (let i = 0; i < count; i++) {
      const field = (bit: number, other: number) => (word & bit ? next() : other);
      const duration = field(0x100, defaults.duration);
      const size = field(0x200, defaults.size);
      const flags = field(0x400, i === 0 && firstFlags !== undefined ? firstFlags : defaults.flags);
      const composition = word & 0x800 ? (b[trun.body] ? i32(b, at) : u32(b, at)) : 0;
      if (word & 0x800) at += 4;
      if (data < mdat.body || data + size > mdat.end) problems.push(`sample ${i} of track ${trackId} leaves its mdat`);
      data += size;
      samples.push({ dts, duration, composition, size, sync: (flags & 0x10000) === 0 });
      dts += duration;
    }
  }
  if (samples.length === 0) problems.push(`track ${trackId} has a moof without samples`);
  return { trackId, tfdt: start, samples, bytes: b.subarray(moof.start, mdat.end) };
}
