/**
 * A small reader of Matroska files, which takes nothing of the writer's for granted.
 * In: a whole file. Out: its elements as a tree, its frames, its cues. Used by tests only.
 */
import assert from 'node:assert/strict';

/** An element of a file. */
export interface Element {
  readonly id: number;
  /** First byte of the id. */
  readonly start: number;
  /** First byte of the body. */
  readonly body: number;
  readonly end: number;
}

/** A frame as a file has it. */
export interface ReadBlock {
  readonly track: number;
  /** Units of the file. */
  readonly time: number;
  readonly key: boolean;
  readonly data: Uint8Array;
  /** First byte of its element. */
  readonly start: number;
}

/** What a file says. */
export interface ReadFile {
  readonly segment: Element;
  /** By id; positions of SeekHead are checked on the way. */
  readonly top: ReadonlyMap<number, Element>;
  readonly timestampScale: number;
  /** Units. */
  readonly duration: number;
  readonly tracks: readonly ReadonlyMap<number, Uint8Array>[];
  readonly cues: readonly { time: number; track: number; cluster: Element; block: ReadBlock }[];
  readonly clusters: readonly { element: Element; time: number; blocks: readonly ReadBlock[] }[];
}

const MASTERS = new Set([
  0x1a45dfa3, 0x18538067, 0x114d9b74, 0x4dbb, 0x1549a966, 0x1654ae6b, 0xae, 0xe0, 0xe1, 0x1c53bb6b, 0xbb, 0xb7,
  0x1254c367, 0x7373, 0x63c0, 0x67c8, 0x1f43b675,
]);

/** Elements side by side in [at, end), which they fill to the byte. */
export function readElements(bytes: Uint8Array, at: number, end: number): Element[] {
  const elements: Element[] = [];
  for (let start = at; start < end; ) {
    const idBytes = Math.clz32(bytes[start]!) - 23;
    assert.ok(idBytes >= 1 && idBytes <= 4, `an id at ${start}`);
    const sizeAt = start + idBytes;
    const sizeBytes = Math.clz32(bytes[sizeAt]!) - 23;
    assert.ok(sizeBytes >= 1 && sizeBytes <= 8, `a size at ${sizeAt}`);
    const high = bytes[sizeAt]! & (0xff >> sizeBytes);
    const size = high * 256 ** (sizeBytes - 1) + uint(bytes, sizeAt + 1, sizeBytes - 1);
    const body = sizeAt + sizeBytes;
    assert.ok(body + size <= end, `element ${uint(bytes, start, idBytes).toString(16)} reaches past its parent`);
    elements.push({ id: uint(bytes, start, idBytes), start, body, end: body + size });
    start = body + size;
  }
  return elements;
}

/** An unsigned integer of `length` bytes. */
export function uint(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

const uintOf = (bytes: Uint8Array, { body, end }: Element) => uint(bytes, body, end - body);

/** All leaves below an element by id; of several with one id the last. */
function leavesOf(bytes: Uint8Array, parent: Element): Map<number, Uint8Array> {
  const leaves = new Map<number, Uint8Array>();
  for (const child of readElements(bytes, parent.body, parent.end)) {
    if (MASTERS.has(child.id)) for (const [id, body] of leavesOf(bytes, child)) leaves.set(id, body);
    else leaves.set(child.id, bytes.subarray(child.body, child.end));
  }
  return leaves;
}

/** Reads a whole file; anything that does not fit together is an AssertionError. */
export function readMatroska(bytes: Uint8Array): ReadFile {
  const [ebml, segment, ...rest] = readElements(bytes, 0, bytes.length);
  assert.ok(ebml && segment);
  assert.deepEqual([ebml.id, segment.id, rest.length], [0x1a45dfa3, 0x18538067, 0]);
  assert.equal(new TextDecoder().decode(leavesOf(bytes, ebml).get(0x4282)), 'matroska');
  const children = readElements(bytes, segment.body, segment.end);
  const top = new Map(children.map((child) => [child.id, child]));
  for (const seek of readElements(bytes, top.get(0x114d9b74)!.body, top.get(0x114d9b74)!.end)) {
    const leaves = leavesOf(bytes, seek);
    const id = leaves.get(0x53ab)!;
    const position = leaves.get(0x53ac)!;
    assert.equal(top.get(uint(id, 0, id.length))?.start, segment.body + uint(position, 0, position.length), 'SeekHead');
  }
  const info = leavesOf(bytes, top.get(0x1549a966)!);
  const scale = info.get(0x2ad7b1)!;
  const duration = info.get(0x4489)!;
  const clusters = children.filter(({ id }) => id === 0x1f43b675).map((element) => readCluster(bytes, element));
  const cues = readElements(bytes, top.get(0x1c53bb6b)!.body, top.get(0x1c53bb6b)!.end).map((point) => {
    const leaves = leavesOf(bytes, point);
    const number = (id: number) => uint(leaves.get(id)!, 0, leaves.get(id)!.length);
    const cluster = clusters.find(({ element }) => element.start === segment.body + number(0xf1));
    assert.ok(cluster, 'a cue names a cluster');
    const block = cluster.blocks.find(({ start }) => start === cluster.element.body + number(0xf0));
    assert.ok(block, 'a cue names a block');
    return { time: number(0xb3), track: number(0xf7), cluster: cluster.element, block };
  });
  return {
    segment,
    top,
    cues,
    clusters,
    timestampScale: uint(scale, 0, scale.length),
    duration: new DataView(duration.buffer, duration.byteOffset).getFloat64(0),
    tracks: readElements(bytes, top.get(0x1654ae6b)!.body, top.get(0x1654ae6b)!.end).map((entry) =>
      leavesOf(bytes, entry),
    ),
  };
}

function readCluster(bytes: Uint8Array, element: Element): ReadFile['clusters'][number] {
  const [stamp, ...blocks] = readElements(bytes, element.body, element.end);
  assert.equal(stamp?.id, 0xe7, 'a cluster begins with its time');
  const time = uintOf(bytes, stamp);
  return {
    element,
    time,
    blocks: blocks.map(({ id, start, body, end }) => {
      assert.equal(id, 0xa3);
      const view = new DataView(bytes.buffer, bytes.byteOffset + body, 4);
      assert.equal(view.getUint8(3) & 0x7f, 0, 'no lacing, not invisible');
      return {
        track: view.getUint8(0) & 0x7f,
        time: time + view.getInt16(1),
        key: (view.getUint8(3) & 0x80) !== 0,
        data: bytes.subarray(body + 4, end),
        start,
      };
    }),
  };
}
