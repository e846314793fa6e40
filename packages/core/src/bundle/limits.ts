/** What is believed of a bundle at most; anything beyond is refused before memory is spent on it. */

/** Uncompressed bytes of one frame. The writer makes frames of 64 KiB to this. */
export const MAX_FRAME_BYTES: number = 64 * 2 ** 20;

/** The smallest frame that the writer makes: room for any header. */
export const MIN_FRAME_BYTES: number = 64 * 2 ** 10;

/** How many times larger than the file its content may be. Crate files give 1, metadata at most about 50. */
export const MAX_EXPANSION = 2000;

/** The largest file that is read into memory as one piece; larger ones are streamed. */
export const MAX_READ_BYTES: number = 2 ** 30;
