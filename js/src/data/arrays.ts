/** An array as it crosses the wire: the values' bytes row by row, with their numpy dtype. */
export interface WireArray {
  dtype: string;
  shape: number[];
  data: DataView | ArrayBuffer;
}

export type NumberArray = Int32Array | Float32Array | Float64Array | Uint8Array;

/** What is sent: little-endian numbers, and bytes. */
const TYPES = {
  "<i4": Int32Array,
  "<f4": Float32Array,
  "<f8": Float64Array,
  "|u1": Uint8Array,
} as const;

/** Whether a value is an array on the wire. */
export const isWireArray = (value: unknown): value is WireArray =>
  typeof value === "object" && value !== null && "dtype" in value && "shape" in value && "data" in value;

/** The bytes from their first one, in a buffer of their own: typed arrays want alignment. */
function bytesOf(data: DataView | ArrayBuffer): ArrayBuffer {
  if (data instanceof ArrayBuffer) return data;
  return (data.buffer as ArrayBuffer).slice(data.byteOffset, data.byteOffset + data.byteLength);
}

/** The numbers of an array, flat; throws where its bytes are not what dtype and shape say. */
export function decodeArray({ dtype, shape, data }: WireArray): NumberArray {
  const type = TYPES[dtype as keyof typeof TYPES];
  if (!type)
    throw new Error(`Arrays of dtype ${dtype} are not known here, only ${Object.keys(TYPES).join(", ")}.`);
  const expected = shape.reduce((product, size) => product * size, type.BYTES_PER_ELEMENT);
  if (data.byteLength !== expected)
    throw new Error(`An array ${dtype} [${shape.join(", ")}] has ${expected} bytes, not ${data.byteLength}.`);
  return new type(bytesOf(data));
}
