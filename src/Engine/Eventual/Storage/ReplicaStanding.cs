using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>What a replica knows of itself, durably.</summary>
/// <param name="Epoch">States that are read here show everything that any replica had when the round of this epoch began.</param>
/// <param name="Floor">States of a lower epoch are refused: tombstones that they may not show are forgotten.</param>
/// <param name="Configuration">Newest configuration that it has heard of; requests by older ones are refused.</param>
/// <param name="IsJoined">Whether it knows the floor. One that joins a partition with data takes nothing before it has asked.</param>
/// <param name="NeedsRepair">Whether it may lack what it, or one before it, acknowledged: it does not count for reads.</param>
public readonly record struct ReplicaStanding(long Epoch, long Floor, long Configuration, bool IsJoined, bool NeedsRepair)
{
    /// <summary>Since when it remembers the results of writes that may be repeated: since it was created in the place of another one; zero for a first one, which never lacked any.</summary>
    public Timestamp RequestsSince { get; init; }

    private const byte Format = 1;
    private const byte JoinedFlag = 1;
    private const byte RepairFlag = 2;

    /// <summary>Of the first replicas of a partition: nothing was ever written.</summary>
    public static readonly ReplicaStanding First = new(0, 0, 0, IsJoined: true, NeedsRepair: false);

    /// <summary>Of a replica that joins a partition, or takes the place of one whose disk is lost.</summary>
    public static readonly ReplicaStanding Later = new(0, 0, 0, IsJoined: false, NeedsRepair: true);

    internal byte[] Encode()
    {
        var writer = new ByteWriter();
        writer.Byte(Format);
        writer.Byte((byte)((IsJoined ? JoinedFlag : 0) | (NeedsRepair ? RepairFlag : 0)));
        writer.Int64(Epoch);
        writer.Int64(Floor);
        writer.Int64(Configuration);
        writer.UInt64(RequestsSince.Value);
        return writer.ToArray();
    }

    internal static ReplicaStanding Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes, "standing of a replica");
        reader.Version(Format);
        var flags = reader.Byte();
        var standing = new ReplicaStanding(reader.Int64(), reader.Int64(), reader.Int64(), (flags & JoinedFlag) != 0, (flags & RepairFlag) != 0)
        {
            RequestsSince = new Timestamp(reader.UInt64()),
        };
        reader.End();
        return standing;
    }
}
