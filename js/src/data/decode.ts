/** Bytes of base64, or of the piece of it that holds `count` bytes from byte `start`, a multiple of three. */
export function decoded(text: string, start = 0, count = Number.POSITIVE_INFINITY): Uint8Array<ArrayBuffer> {
  const from = (start / 3) * 4;
  const letters = atob(text.slice(from, from + Math.ceil(count / 3) * 4));
  const bytes = new Uint8Array(Math.min(count, letters.length));
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** Bytes as base64. */
export function encoded(bytes: Uint8Array): string {
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters);
}

/** Bytes that were deflated (zlib) and written as base64. */
export async function inflated(text: string): Promise<ArrayBuffer> {
  const stream = new Blob([decoded(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** All pieces, one after the other. */
export function joined(pieces: Uint8Array[]): DataView {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return new DataView(all.buffer);
}

/** The first `count` bits of bytes, highest bit first, as bytes 0 and 1. */
export const unpackBits = (bits: Uint8Array, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, at) => (bits[at >> 3] >> (7 - (at & 7))) & 1);

/** Where each of several lengths begins when they lie one after the other, and where the last one ends. */
export function startsOf(lengths: Iterable<number>): number[] {
  const starts = [0];
  for (const length of lengths) starts.push(starts[starts.length - 1] + length);
  return starts;
}
