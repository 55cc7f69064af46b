using System.Buffers;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>Encoded records as they travel between replicas.</summary>
internal static class LogWindow
{
    /// <summary>What is wrong with records that should follow <paramref name="prev"/> densely, with no epoch above <paramref name="epoch"/>; null when nothing is.</summary>
    public static string? ProblemOf(ReadOnlyMemory<byte> records, Lsn prev, Epoch epoch)
    {
        var last = Epoch.Zero;
        for (var rest = records.Span; !rest.IsEmpty;)
        {
            if (!WalRecordCodec.TryVerify(rest, out var size, out var problem))
                return $"a record behind {prev} is damaged: {problem}";
            if (WalRecordCodec.LsnOf(rest) != prev.Next || WalRecordCodec.EpochOf(rest) is var found && (found < last || found > epoch))
                return $"record {WalRecordCodec.LsnOf(rest)} of epoch {WalRecordCodec.EpochOf(rest)} stands behind {prev}";
            (prev, last) = (prev.Next, WalRecordCodec.EpochOf(rest));
            rest = rest[size..];
        }

        return null;
    }

    /// <summary>The last of records that were checked (<paramref name="prev"/> when there is none) and its epoch.</summary>
    public static (Lsn Last, Epoch LastEpoch) EndOf(ReadOnlyMemory<byte> records, Lsn prev)
    {
        var last = Epoch.Zero;
        for (var rest = records; !rest.IsEmpty; rest = rest[SizeOf(rest)..])
            (prev, last) = (WalRecordCodec.LsnOf(rest.Span), WalRecordCodec.EpochOf(rest.Span));
        return (prev, last);
    }

    /// <summary>The records one by one; they were checked.</summary>
    public static IEnumerable<WalRecord> Enumerate(ReadOnlyMemory<byte> records)
    {
        for (var rest = records; !rest.IsEmpty;)
        {
            var record = WalRecordCodec.DecodeChecked(rest, out var size);
            rest = rest[size..];
            yield return record;
        }
    }

    /// <summary>The configurations that checked records bring.</summary>
    public static IEnumerable<(Lsn Lsn, RangeConfiguration Configuration)> Configurations(ReadOnlyMemory<byte> records)
    {
        for (var rest = records; !rest.IsEmpty; rest = rest[SizeOf(rest)..])
        {
            if (WalRecordCodec.TypeOf(rest.Span) is not (RangeRecordType.LeaderStart or RangeRecordType.Configuration))
                continue;
            var record = WalRecordCodec.DecodeChecked(rest, out _);
            if (RangeReplica.ConfigurationOf(record.Type, record.Payload.Span) is { } configuration)
                yield return (record.Lsn, configuration);
        }
    }

    /// <summary>Bytes of the first record, padding included.</summary>
    public static int SizeOf(ReadOnlyMemory<byte> records) =>
        WalRecordCodec.TryReadSize(records.Span, out var size) ? size : throw new InvalidDataException("not a record");

    /// <summary>Records of a log from an LSN on, in a buffer of their own; empty at the end of the log.</summary>
    /// <exception cref="LogTruncatedException">The log begins later.</exception>
    public static ReadOnlyMemory<byte> Read(WriteAheadLog log, Lsn from, int maxBytes)
    {
        var buffer = new ArrayBufferWriter<byte>();
        log.ReadEncoded(from, maxBytes, buffer, out _);
        return buffer.WrittenMemory;
    }
}
