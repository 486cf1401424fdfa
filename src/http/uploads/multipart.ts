/**
 * Reads a form while it arrives: its fields and files in order, without keeping a file in memory.
 * In: a body of type multipart/form-data. Out: its parts, each with a stream. RFC 7578; RFC 2046 5.1.1.
 */
import { Readable } from 'node:stream';
import { OxbowError } from '../../lib/errors.ts';

/** A field or a file. */
interface FormPart {
  readonly name: string;
  /** Undefined: a field. */
  readonly filename: string | undefined;
  /** Its bytes. Unread bytes are skipped when the next part is read. */
  readonly body: Readable;
}

/** Head of a part, bytes before the first one, and fields, at most. */
const MAX_HEAD_BYTES = 8192;
const MAX_PARTS = 50;
/** Bytes of a field that is read as text. */
const MAX_FIELD_BYTES = 16 * 1024;
const BOUNDARY = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i;
const LINE = Buffer.from('\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');
/**
 * Pieces that are read ahead of a part's consumer; as objects, because a stream of bytes joins those that
 * wait, which copies them.
 */
const AHEAD_PIECES = 4;

/** Whether a media type is that of a form. */
export function isForm(contentType: string | undefined): boolean {
  return /^multipart\/form-data\b/i.test(contentType ?? '');
}

/**
 * Reads the parts of a form.
 *
 * @throws OxbowError `bad-request` for something that is no form, `upload-incomplete` where it ends early
 */
export async function* readForm(body: Readable, contentType: string | undefined): AsyncGenerator<FormPart> {
  const match = BOUNDARY.exec(contentType ?? '');
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw malformed('The form has no boundary.');
  const reader = new FormReader(body, Buffer.from(`\r\n--${boundary}`, 'latin1'));
  try {
    await reader.skip(MAX_HEAD_BYTES);
    for (let parts = 0; await reader.hasPart(); parts++) {
      if (parts === MAX_PARTS) throw malformed(`A form may have ${MAX_PARTS} parts.`);
      const { name, filename } = await reader.head();
      const content = reader.content();
      const stream = Readable.from(content, { objectMode: true, highWaterMark: AHEAD_PIECES });
      stream.on('error', () => undefined); // its reader has its own listeners
      yield { name, filename, body: stream };
      await reader.skip(Number.POSITIVE_INFINITY);
    }
  } finally {
    reader.leave();
  }
}

/**
 * Reads a field.
 *
 * @throws OxbowError `bad-request` if it is too long
 */
export async function readField({ name, body }: FormPart): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MAX_FIELD_BYTES) throw malformed(`The field ${name.slice(0, 50)} is too long.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

class FormReader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #delimiter: Buffer;
  /** Bytes that arrived and were not read; the first boundary has no line end before it. */
  #buffer: Buffer = LINE;
  #isInPart = true;

  constructor(body: Readable, delimiter: Buffer) {
    this.#source = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
    this.#delimiter = delimiter;
  }

  /** Reads up to the end of the present part. */
  async skip(most: number): Promise<void> {
    let skipped = 0;
    for await (const { length } of this.content()) {
      skipped += length;
      if (skipped > most) throw malformed('The form does not begin with its boundary.');
    }
  }

  /** After a delimiter: whether a part follows. */
  async hasPart(): Promise<boolean> {
    await this.#fill(2);
    const next = this.#buffer.toString('latin1', 0, 2);
    if (next === '--') {
      // Bytes after the last boundary are ignored.
      for (;;) if ((await this.#source.next()).done) return false;
    }
    if (next !== '\r\n') throw malformed('A boundary of the form is followed by something else.');
    this.#isInPart = true;
    return true;
  }

  async head(): Promise<{ readonly name: string; readonly filename: string | undefined }> {
    let end = this.#buffer.indexOf(HEAD_END);
    while (end < 0) {
      if (this.#buffer.length > MAX_HEAD_BYTES) throw malformed('The head of a part of the form is too long.');
      await this.#fill(this.#buffer.length + 1);
      end = this.#buffer.indexOf(HEAD_END);
    }
    const head = this.#buffer.toString('utf8', 0, end);
    this.#buffer = this.#buffer.subarray(end + HEAD_END.length);
    const disposition = /\r\ncontent-disposition:([^\r\n]*)/i.exec(head)?.[1] ?? '';
    const name = parameter(disposition, 'name');
    if (name === undefined) throw malformed('A part of the form has no name.');
    return { name, filename: parameter(disposition, 'filename') };
  }

  /** Bytes of the present part; none after it was read. */
  async *content(): AsyncGenerator<Buffer> {
    const delimiter = this.#delimiter;
    while (this.#isInPart) {
      const at = this.#buffer.indexOf(delimiter);
      const end = at < 0 ? this.#buffer.length - this.#begun() : at;
      const bytes = this.#buffer.subarray(0, end);
      this.#buffer = this.#buffer.subarray(at < 0 ? end : at + delimiter.length);
      if (at >= 0) this.#isInPart = false;
      if (bytes.length > 0) yield bytes;
      if (at < 0) await this.#fill(this.#buffer.length + 1);
    }
  }

  /**
   * Bytes at the end of the buffer that may be the beginning of a delimiter. All before them are passed on
   * without a copy.
   */
  #begun(): number {
    const buffer = this.#buffer;
    const delimiter = this.#delimiter;
    for (let at = Math.max(0, buffer.length - delimiter.length + 1); ; at++) {
      at = buffer.indexOf(delimiter[0]!, at);
      if (at < 0) return 0;
      const bytes = buffer.length - at;
      if (buffer.compare(delimiter, 0, bytes, at) === 0) return bytes;
    }
  }

  /** Stops reading; the request can be read by someone else. */
  leave(): void {
    void this.#source.return?.();
  }

  /** Reads until this many bytes are there. */
  async #fill(bytes: number): Promise<void> {
    while (this.#buffer.length < bytes) {
      const { value, done } = await this.#source.next();
      if (done) throw new OxbowError('upload-incomplete', 'The form ended before its last boundary.');
      this.#buffer = this.#buffer.length === 0 ? value : Buffer.concat([this.#buffer, value]);
    }
  }
}

/**
 * A parameter of Content-Disposition, as browsers and curl write it (RFC 7578 4.2; the HTML Standard escapes
 * `"` as %22, curl as \").
 */
function parameter(disposition: string, name: string): string | undefined {
  const quoted = new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(disposition)?.[1];
  if (quoted !== undefined) return quoted.replace(/\\(["\\])/g, '$1').replaceAll('%22', '"');
  return new RegExp(`;\\s*${name}=([^\\s;"]+)`, 'i').exec(disposition)?.[1];
}

function malformed(detail: string): OxbowError {
  return new OxbowError('bad-request', detail, { extra: { hint: 'Send a form of type multipart/form-data.' } });
}
