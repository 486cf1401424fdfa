/**
 * Functions of the C library, which Node 26 can call (`node:ffi`).
 * In: their names and types. Out: functions. Linux with 64 bits and little-endian numbers only.
 *
 * A wrong type or address here damages the memory of the process: each caller states the C declaration it
 * relies on.
 */

/** A type of an argument or result. */
type ForeignType = 'int32' | 'uint32' | 'uint64' | 'pointer';

/** What a function takes and returns. `uint64` and `pointer` are bigints, the others numbers. */
export interface ForeignSignature {
  readonly arguments: readonly ForeignType[];
  readonly return: 'int32';
}

/** A function of the C library. */
export type ForeignCall = (...args: readonly (number | bigint)[]) => number;

interface Ffi {
  dlopen<Name extends string>(
    library: null,
    signatures: Readonly<Record<Name, ForeignSignature>>,
  ): { readonly functions: Readonly<Record<Name, ForeignCall>> };
  getRawPointer(memory: ArrayBufferLike | ArrayBufferView): bigint;
}

/** Functions, and what gives the address of memory that stays where it is while it is referenced. */
export interface CLibrary<Name extends string> {
  readonly call: Readonly<Record<Name, ForeignCall>>;
  /** Of a buffer outside V8's heap. */
  addressOf(memory: Uint8Array): bigint;
}

/**
 * Opens the C library when it is first needed: Node warns then, where its warnings are on.
 *
 * @returns gives the library; undefined: this Node, system or C library does not have these functions
 */
export function lazyCLibrary<Name extends string>(
  signatures: Readonly<Record<Name, ForeignSignature>>,
): () => CLibrary<Name> | undefined {
  let library: { readonly opened: CLibrary<Name> | undefined } | undefined;
  return () => {
    library ??= { opened: openCLibrary(signatures) };
    return library.opened;
  };
}

function openCLibrary<Name extends string>(
  signatures: Readonly<Record<Name, ForeignSignature>>,
): CLibrary<Name> | undefined {
  const { platform, arch } = process;
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) return undefined;
  const ffi = process.getBuiltinModule('node:ffi') as unknown as Ffi | undefined;
  try {
    return ffi && { call: ffi.dlopen(null, signatures).functions, addressOf: (memory) => ffi.getRawPointer(memory) };
  } catch {
    return undefined; // a C library without this function
  }
}
