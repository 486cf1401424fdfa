/**
 * Reads a body in chunks.
 * In: the bytes of a connection, in pieces that end anywhere. Out: the bytes of the body; where it ends. RFC
 * 9112 7.1.
 */
import { areFields, MAX_HEAD_BYTES, MalformedResponse } from './head.ts';

const CR = 13;
const LF = 10;
/** Longest size of a chunk, hexadecimal digits. */
const MAX_SIZE_DIGITS = 12;

/** RFC 9112 7.1.1, without spaces. */
const chunkSize =
  /^([0-9a-fA-F]+)((?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))?)*)$/;

/** The end of a line of chunks that has no LF. */
const malformed = () => new MalformedResponse('A chunk of the answer does not end with CRLF.');

/** The chunks of one body. */
export class ChunkReader {
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'end' = 'size';
  /** The line that has begun. */
  #line = '';
  /** Bytes left of a chunk. */
  #left = 0;
  /** Characters of chunk extensions and trailers so far. */
  #extra = 0;
  #trailers = '';

  /** The last chunk and its trailers have been read. */
  get isEnd(): boolean {
    return this.#state === 'end';
  }

  /**
   * @param take is called with the bytes of the body; they are overwritten afterwards
   * @returns how many bytes of `bytes` belong to the body, with its chunks
   * @throws MalformedResponse
   */
  read(bytes: Buffer, take: (data: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'end') {
      if (this.#state === 'data') {
        const data = bytes.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        if (this.#left === 0) this.#state = 'data-end';
        take(data);
      } else at = this.#readLine(bytes, at);
    }
    return at;
  }

  #readLine(bytes: Buffer, from: number): number {
    const lf = bytes.indexOf(LF, from);
    const to = lf < 0 ? bytes.length : lf + 1;
    this.#line += bytes.toString('latin1', from, to);
    if (this.#line.length + this.#extra > MAX_HEAD_BYTES) {
      throw new MalformedResponse('The chunks of the answer have too many extensions or trailers.');
    }
    if (lf < 0) {
      if (this.#state === 'data-end' && this.#line !== '\r') throw malformed();
      return to;
    }
    if (this.#line.charCodeAt(this.#line.length - 2) !== CR) throw malformed();
    const line = this.#line.slice(0, -2);
    this.#line = '';
    this.#lineEnds(line);
    return to;
  }

  #lineEnds(line: string): void {
    if (this.#state === 'data-end') {
      if (line !== '') throw malformed();
      this.#state = 'size';
    } else if (this.#state === 'size') {
      const match = chunkSize.exec(line);
      if (!match || match[1]!.length > MAX_SIZE_DIGITS)
        throw new MalformedResponse('The size of a chunk is malformed.');
      this.#extra += match[2]?.length ?? 0;
      this.#left = Number.parseInt(match[1]!, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'data';
    } else if (line === '') {
      if (!areFields(this.#trailers, 0)) throw new MalformedResponse('The trailers of the answer are malformed.');
      this.#state = 'end';
    } else {
      this.#extra += line.length + 2;
      this.#trailers += `${line}\r\n`;
    }
  }
}
