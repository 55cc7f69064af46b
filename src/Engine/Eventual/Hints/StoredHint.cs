using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>A hint that a node keeps.</summary>
/// <param name="Lsn">The record that brought it.</param>
/// <param name="Created">When, by the node's clock.</param>
/// <param name="Hint">The hint.</param>
public sealed record StoredHint(Lsn Lsn, Timestamp Created, Hint Hint)
{
    /// <summary>Bytes of key and state.</summary>
    public long Bytes => Hint.Key.Length + Hint.State.Length;

    internal static byte[] Encode(Timestamp created, Hint hint)
    {
        var writer = new ByteWriter();
        writer.UInt64(created.Value);
        writer.Int64(hint.Partition.Value);
        HintTarget.Write(writer, hint.Target);
        writer.Int64(hint.Epoch);
        writer.Bytes(hint.Key.Span);
        writer.Bytes(hint.State.Span);
        return writer.ToArray();
    }

    internal static StoredHint Decode(Lsn lsn, ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes, "hint");
        var created = new Timestamp(reader.UInt64());
        var partition = new RangeId(reader.Int64());
        var target = HintTarget.Read(ref reader);
        var epoch = reader.Int64();
        var hint = new Hint(partition, target, reader.Bytes().ToArray(), reader.Bytes().ToArray(), epoch);
        reader.End();
        return new(lsn, created, hint);
    }
}

/// <summary>A replica that lacks hints: one whose quota was used up, or whose hints grew too old.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Target">The replica.</param>
public readonly record struct HintTarget(RangeId Partition, ReplicaDescriptor Target)
{
    internal static void Write(ByteWriter to, ReplicaDescriptor target)
    {
        to.Guid(target.Id);
        to.Bytes(System.Text.Encoding.UTF8.GetBytes(target.Node));
    }

    internal static ReplicaDescriptor Read(ref ByteReader from)
    {
        var id = from.Guid();
        return new(System.Text.Encoding.UTF8.GetString(from.Bytes().Span), id);
    }

    internal byte[] Encode()
    {
        var writer = new ByteWriter();
        writer.Int64(Partition.Value);
        Write(writer, Target);
        return writer.ToArray();
    }

    internal static HintTarget Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes, "target of hints");
        var target = new HintTarget(new RangeId(reader.Int64()), Read(ref reader));
        reader.End();
        return target;
    }
}
