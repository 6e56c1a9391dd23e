import { describe, expect, it } from "vitest";
import { bytesIn, decodeArray, isWireArray } from "../src/data/arrays";

const wire = (dtype: string, shape: number[], values: ArrayBufferView) => ({
  dtype,
  shape,
  data: new DataView(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength),
});

describe("arrays on the wire", () => {
  it("become typed arrays of their dtype, bit for bit", () => {
    const all = [
      ["<i4", Int32Array.of(-1, 2 ** 31 - 1)],
      ["<f4", Float32Array.of(0.1, Number.NaN)],
      ["<f8", Float64Array.of(0.1, Number.POSITIVE_INFINITY)],
      ["|u1", Uint8Array.of(0, 255)],
    ] as const;
    for (const [dtype, values] of all) {
      const decoded = decodeArray(wire(dtype, [values.length], values));
      expect(decoded).toBeInstanceOf(values.constructor);
      expect([...decoded]).toEqual([...values]);
    }
  });

  it("lie flat, row by row, whatever their shape", () => {
    const values = Int32Array.of(1, 2, 3, 4, 5, 6);
    expect([...decodeArray(wire("<i4", [3, 2], values))]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...decodeArray(wire("<i4", [], values.subarray(0, 1)))]).toEqual([1]);
    expect(decodeArray(wire("<f8", [0, 7], new Float64Array()))).toHaveLength(0);
  });

  it("may begin anywhere in their buffer", () => {
    const shifted = new Uint8Array(13);
    new DataView(shifted.buffer).setFloat64(5, 0.25, true);
    expect(decodeArray(wire("<f8", [1], shifted.subarray(5)))[0]).toBe(0.25);
  });

  it("are refused where the dtype isn't known or the bytes don't fill the shape", () => {
    expect(() => decodeArray(wire(">i4", [1], Int32Array.of(1)))).toThrow(
      "Arrays of dtype >i4 are not known here, only <i4, <f4, <f8, |u1.",
    );
    expect(() => decodeArray(wire("<i4", [2, 2], Int32Array.of(1, 2, 3)))).toThrow(
      "An array <i4 [2, 2] has 16 bytes, not 12.",
    );
  });

  it("have as many bytes as dtype and shape say", () => {
    expect(bytesIn({ dtype: "<f8", shape: [3, 2] })).toBe(48);
    expect(bytesIn({ dtype: "|u1", shape: [5, 0] })).toBe(0);
  });

  it("are told from other values", () => {
    expect(isWireArray(wire("<i4", [1], Int32Array.of(1)))).toBe(true);
    for (const value of [null, "<i4", [1], { dtype: "<i4" }, new DataView(new ArrayBuffer(4))])
      expect(isWireArray(value)).toBe(false);
  });
});
