import type { WireArray } from "../protocol";

export type NumberArray = Int32Array | Float32Array | Float64Array | Uint8Array;

/** The numpy dtypes that are sent: little-endian numbers, and bytes. */
const TYPES = {
  "<i4": Int32Array,
  "<f4": Float32Array,
  "<f8": Float64Array,
  "|u1": Uint8Array,
} as const;

/** Whether a value is an array on the wire. */
export const isWireArray = (value: unknown): value is WireArray =>
  typeof value === "object" && value !== null && "dtype" in value && "shape" in value && "data" in value;

/** How many bytes an array of this dtype and shape has. */
export const bytesIn = ({ dtype, shape }: Omit<WireArray, "data">): number =>
  shape.reduce((product, size) => product * size, typeOf(dtype).BYTES_PER_ELEMENT);

/** The numbers of an array, flat; throws where its bytes are not what dtype and shape say. */
export function decodeArray(array: WireArray): NumberArray {
  const { dtype, shape, data } = array;
  const expected = bytesIn(array);
  if (data.byteLength !== expected)
    throw new Error(`An array ${dtype} [${shape.join(", ")}] has ${expected} bytes, not ${data.byteLength}.`);
  // Typed arrays want alignment: the bytes go into a buffer of their own.
  const buffer = data.buffer as ArrayBuffer;
  return new (typeOf(dtype))(buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
}

function typeOf(dtype: string) {
  const type = TYPES[dtype as keyof typeof TYPES];
  if (type) return type;
  throw new Error(`Arrays of dtype ${dtype} are not known here, only ${Object.keys(TYPES).join(", ")}.`);
}
