using CsCheck;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

public sealed class DecisionRecordTests
{
    private static readonly Gen<TransactionRecord> Records = Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong, Gen.ULong, Gen.Long.Array[0, 20], (began, nonce, commit, deadline, ranges) =>
        new TransactionRecord(new TransactionId(new Timestamp(began), nonce), new Timestamp(commit), new Timestamp(deadline), [.. ranges.Select(range => new RangeId(range))]));

    [Fact]
    public void What_is_written_is_read() => Records.Sample(record =>
    {
        var read = TransactionRecord.Decode(TransactionRecord.KeyOf(record.Transaction), record.Encode());
        Assert.Equal((record.Transaction, record.CommitTimestamp, record.Deadline), (read.Transaction, read.CommitTimestamp, read.Deadline));
        Assert.Equal(record.Participants, read.Participants);
    });

    [Fact]
    public void A_row_that_was_cut_or_is_of_another_format_is_refused() => Gen.Select(Records, Gen.Int[0, 1000]).Sample((record, at) =>
    {
        var value = record.Encode();
        Assert.Throws<InvalidDataException>(() => TransactionRecord.Decode(TransactionRecord.KeyOf(record.Transaction), value.AsSpan(0, at % value.Length)));
        value[0]++;
        Assert.Throws<InvalidDataException>(() => TransactionRecord.Decode(TransactionRecord.KeyOf(record.Transaction), value));
    });
}
