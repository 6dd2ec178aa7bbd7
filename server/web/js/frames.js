/** Binary frames of the server, taken apart. Pure. */

const HEADER_BYTES = 16;
const FACE_FRAME = 1;

/**
 * Reads a frame of her face; the layout stands in docs/protocol.md.
 *
 * @param {ArrayBuffer} buffer
 * @returns {{watch: number, turn: number, seq: number, milliseconds: number, picture: Uint8Array} | null} null: it is none
 */
export function readFrame(buffer) {
  if (buffer.byteLength <= HEADER_BYTES) return null;
  const view = new DataView(buffer);
  if (view.getUint8(0) !== FACE_FRAME) return null;
  return {
    watch: view.getUint16(2),
    turn: view.getUint32(4),
    seq: view.getUint32(8),
    milliseconds: view.getUint32(12),
    picture: new Uint8Array(buffer, HEADER_BYTES),
  };
}

const SHORTEST_FADE = 30;
const LONGEST_FADE = 160;

/**
 * Over how many milliseconds a frame takes the place of the one before it: nearly until the next is to be expected. After a
 * pause it is quick, since then something has happened.
 */
export function fadeAfter(gap) {
  return gap > 2 * LONGEST_FADE ? SHORTEST_FADE * 2 : Math.min(LONGEST_FADE, Math.max(SHORTEST_FADE, gap * 0.9));
}
