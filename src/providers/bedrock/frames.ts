import { eventTooLong } from '../sse.ts'

/** Bytes of the length that each frame begins with. */
const PREFIX_BYTES = 4

/**
 * Passes a stream of AWS event frames on, and ends it with a failure where a frame is too long. Whoever decodes them
 * makes room for whatever length a frame claims to have, before any of it has come.
 *
 * @param frameBytesMax Longest frame, with its headers.
 * @throws {UpstreamError} A frame is longer. What came before it has been passed on.
 * @see https://smithy.io/2.0/aws/amazon-eventstream.html (read 2026-11-22)
 */
export async function* guardFrames(
  pieces: AsyncIterable<Uint8Array>,
  frameBytesMax: number,
): AsyncGenerator<Uint8Array> {
  const gauge = new FrameGauge(frameBytesMax)
  for await (const piece of pieces) {
    const sound = gauge.soundBytes(piece)
    if (sound > 0) yield piece.subarray(0, sound)
    if (sound < piece.length) throw eventTooLong(frameBytesMax)
  }
}

/** Follows the frames of one stream, however it is cut. */
class FrameGauge {
  readonly #bytesMax: number
  readonly #prefix = new DataView(new ArrayBuffer(PREFIX_BYTES))
  #prefixBytes = 0
  /** Of the frame that has begun, what is still to come. */
  #restBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** How many bytes of a piece are before a frame that is too long: all of them, where there is none. */
  soundBytes(piece: Uint8Array): number {
    let offset = 0
    while (offset < piece.length) {
      if (this.#restBytes > 0) {
        const taken = Math.min(this.#restBytes, piece.length - offset)
        this.#restBytes -= taken
        offset += taken
      } else {
        this.#prefix.setUint8(this.#prefixBytes++, piece[offset++] ?? 0)
        if (this.#prefixBytes < PREFIX_BYTES) continue
        this.#prefixBytes = 0
        const frameBytes = this.#prefix.getUint32(0)
        // The decoder never sees the last byte of its length.
        if (frameBytes > this.#bytesMax) return offset - 1
        this.#restBytes = Math.max(frameBytes - PREFIX_BYTES, 0)
      }
    }
    return offset
  }
}
