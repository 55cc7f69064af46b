using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>One entry of a range's replicated log.</summary>
/// <param name="Type">What the payload is; the log does not look into it.</param>
/// <param name="Flags">Free for the owner of the type.</param>
/// <param name="Epoch">The epoch of the leader that proposed it; never decreases along the log.</param>
/// <param name="Lsn">Its position.</param>
/// <param name="Timestamp">The proposer's timestamp; zero where the type has none.</param>
/// <param name="Payload">At most <see cref="WalRecordCodec.MaxPayloadBytes"/> bytes.</param>
public readonly record struct WalRecord(byte Type, byte Flags, Epoch Epoch, Lsn Lsn, Timestamp Timestamp, ReadOnlyMemory<byte> Payload);
