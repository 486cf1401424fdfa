/**
 * The parts of a file with evidence, as its readers give them to the comparison.
 * In: nothing. Out: types for the readers of each form of file.
 */

/** A file that is read by ranges: of a disk, or one that was dropped on a page. */
export interface FileRanges {
  /** Bytes. */
  readonly size: number;
  /** The bytes from `offset` on: `length` of them, or fewer at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A sample as the file describes it. */
export interface FileSample {
  /** Decode time, ticks of the track; 0 in Matroska, which has none. */
  readonly dts: number;
  /** pts − dts, ticks; 0 in Matroska. */
  readonly composition: number;
  readonly key: boolean;
  /** First byte in the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Presentation time in Matroska, units of its clock. */
  readonly units?: number;
}

/** The samples of a track, in decode order. */
export interface FileSamples {
  /** The next one; undefined after the last. Throws FormatError, and what reading does. */
  next(): FileSample | undefined | Promise<FileSample | undefined>;
}

export interface EvidenceFileTrack {
  /** track_ID; TrackNumber in Matroska. */
  readonly id: number;
  /** 0 in Matroska: its times are in units of the file. */
  readonly timescale: number;
  /** Of its sample entries, in order; undefined for one that cannot be read. */
  readonly configs: readonly (Uint8Array | undefined)[];
  readonly samples: FileSamples;
}

/** How a file has its samples; `sealed`: it is signed as a whole, and they are not compared. */
export type EvidenceFileForm = 'table' | 'fragments' | 'matroska' | 'sealed';

export interface EvidenceFile {
  readonly form: EvidenceFileForm;
  readonly seal: string;
  readonly bundle: Uint8Array;
  /** Bytes before the media. */
  readonly headBytes: number;
  /** Bytes of media, as `mdat` has them; undefined where reading the samples accounts for them. */
  readonly mediaBytes: number | undefined;
  readonly tracks: readonly EvidenceFileTrack[];
}
