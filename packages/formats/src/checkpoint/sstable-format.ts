/**
 * The numbers of LevelDB's table format ("SSTable"), which TensorFlow uses for the index of a TensorBundle and for a
 * whole V1 checkpoint. Defined in tensorflow/core/lib/io/format.h and block_builder.cc:
 *
 *     block*            data blocks, in the order of their keys
 *     metaindex block   empty in TensorFlow's files
 *     index block       for each data block a key not below its last one → its handle
 *     footer            48 bytes: both handles, padding, magic number
 *
 * A block is a run of entries, then the offsets of its restart points (uint32 each) and their number (uint32). An
 * entry is varint32 shared, varint32 unshared, varint32 value length, the unshared end of the key, the value; the
 * first `shared` bytes of the key are those of the key before, none at a restart point. After each block comes a
 * trailer: a byte that tells the compression and the masked crc32c of block and that byte. A handle is the block's
 * offset and its size without the trailer, as varint64.
 */

/** Bytes of two handles, padded, and the magic number. */
export const FOOTER_BYTES = 48;
/** The last eight bytes of a table, as they lie in the file. */
export const TABLE_MAGIC = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb);
/** Compression byte and checksum after a block. */
export const BLOCK_TRAILER_BYTES = 5;
/** Values of the compression byte. */
export const Compression = { NONE: 0, SNAPPY: 1 } as const;
/** TensorFlow's writer makes every sixteenth entry a restart point, and closes a block at 256 KiB. */
export const RESTART_INTERVAL = 16;
export const BLOCK_BYTES = 262_144;
