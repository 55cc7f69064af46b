namespace GrainDb.Engine.Mvcc;

/// <summary>
/// One block of a checkpoint, format version 2. It is whole in itself; lengths are in bytes, integers little-endian,
/// <c>varint</c> is LEB128, <c>zigzag</c> a varint of a difference modulo 2^64. Integrity (length, CRC) is the business of the file
/// around it. Also drawn in docs/formats/mvcc-block.md.
/// <code>
/// offset  size    field
/// 0       1       format version = 2
/// 1       8       GC threshold when the checkpoint began
/// 9       8       decided threshold: at or below it, versions may have been removed
/// 17      4       number of entries
/// 21      ...     entries: keys ascending, within a key newest first
///
/// entry
///         1       flags: 1 tombstone, 2 expires, 4 same key as the entry before, 8 tombstone with a value; all others 0
///         varint  unless flag 4: bytes that the key shares with the key before
///         varint  unless flag 4: bytes that follow
///         n       unless flag 4: those bytes
///         zigzag  timestamp minus the timestamp of the entry before (0 before the first)
///         zigzag  if flag 2: expiry minus timestamp
///         varint  unless flag 1 without flag 8: length of the value
///         n       unless flag 1 without flag 8: the value
/// </code>
/// Version 1 has no flag 8.
/// </summary>
internal static class CheckpointBlockFormat
{
    public const byte Version = 2;
    public const byte VersionWithoutTombstoneValues = 1;
    public const int HeaderBytes = 1 + 8 + 8 + 4;
    public const byte Tombstone = 1;
    public const byte Expires = 2;
    public const byte SameKey = 4;
    public const byte TombstoneValue = 8;

    /// <summary>Most bytes of an entry besides its key and value.</summary>
    public const int MaxEntryOverheadBytes = 1 + (5 * Varint.MaxBytes);
}
