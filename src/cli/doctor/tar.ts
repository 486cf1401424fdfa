/**
 * Serializes a tar archive of a few small files.
 * In: names and bytes. Out: one archive. Pure. POSIX.1-2017 pax, `ustar` Interchange Format.
 */

/** One file of an archive. */
interface TarFile {
  /** With `/` between folders; at most 100 bytes. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;

/**
 * @param modifiedMs time of every file, since 1970
 * @returns the archive, with two empty blocks at its end
 * @throws RangeError for a name longer than 100 bytes
 */
export function printTar(files: readonly TarFile[], modifiedMs: number): Uint8Array {
  const pieces = files.flatMap(({ name, bytes }) => {
    const padding = new Uint8Array((BLOCK - (bytes.length % BLOCK)) % BLOCK);
    return [printHeader(name, bytes.length, modifiedMs), bytes, padding];
  });
  return Buffer.concat([...pieces, new Uint8Array(2 * BLOCK)]);
}

function printHeader(name: string, size: number, modifiedMs: number): Uint8Array {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`the name ${name} is too long for this archive`);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  header.write(name, 0, 'utf8');
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(Math.floor(modifiedMs / 1000), 136, 12);
  header.write('        0', 148, 'latin1'); // the checksum counts itself as spaces; an ordinary file
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
