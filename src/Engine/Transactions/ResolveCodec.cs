using System.Buffers;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Payload of a <see cref="RangeRecordType.Resolve"/> record. The record's timestamp is above every commit timestamp in it of a transaction that is prepared here.
/// <code>
/// u16 decisions, each: 16 transaction (big-endian) | u64 commit timestamp, little-endian; 0: aborted, 1: given up while nothing of it was here, 2: settled,
///                      every other participant has the commit that was decided here; 3, of transaction 0: closed, nothing is prepared or decided for others here any more
/// </code>
/// </summary>
internal static class ResolveCodec
{
    /// <summary>Most decisions of one record.</summary>
    public const int MaxDecisions = 4096;

    public static void Encode(ReadOnlySpan<Resolution> resolutions, IBufferWriter<byte> buffer)
    {
        var output = new PayloadWriter(buffer);
        output.UInt16(resolutions.Length);
        foreach (var resolution in resolutions)
        {
            output.Transaction(resolution.Transaction);
            output.Timestamp(resolution.CommitTimestamp);
        }
    }

    /// <exception cref="InvalidDataException">It is no such payload.</exception>
    public static Resolution[] Decode(ReadOnlyMemory<byte> payload)
    {
        var input = new PayloadReader(payload, "a resolve record");
        var resolutions = new Resolution[input.UInt16()];
        for (var i = 0; i < resolutions.Length; i++)
            resolutions[i] = new(input.Transaction(), input.Timestamp());
        input.End();
        return resolutions;
    }
}
