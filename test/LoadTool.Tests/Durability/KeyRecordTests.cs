using GrainDb.LoadTool.Durability;

namespace GrainDb.LoadTool.Tests.Durability;

/// <summary>The judge of durability is itself judged: every way to break the promise must be seen.</summary>
public sealed class KeyRecordTests
{
    private const string Key = "record/1/0/0";
    private const string V1 = "0000000000000010";
    private const string V2 = "0000000000000020";
    private const string V3 = "0000000000000030";

    private readonly KeyRecord _record = new(Key);

    [Fact]
    public void The_newest_acknowledged_write_is_what_must_be_there()
    {
        Acknowledge(1, V1);
        Acknowledge(2, V2);

        Assert.Null(_record.Judge(V2, Value(2)));
        Assert.Equal(ViolationKind.Lost, _record.Judge(V1, Value(1))!.Kind);
        Assert.Equal(ViolationKind.Lost, _record.Judge(null, [])!.Kind);
        Assert.Equal(ViolationKind.WrongVersion, _record.Judge(V3, Value(2))!.Kind);
    }

    [Fact]
    public void A_value_that_nobody_wrote_like_this_is_half()
    {
        Acknowledge(1, V1);
        var torn = Value(1);
        torn[^1] ^= 1;

        Assert.Equal(ViolationKind.Half, _record.Judge(V1, torn)!.Kind);
        Assert.Equal(ViolationKind.Half, _record.Judge(V1, Value(1).AsSpan(0, 100))!.Kind);
        Assert.Equal(ViolationKind.Half, _record.Judge(V1, [])!.Kind);
        Assert.Equal(ViolationKind.Half, _record.Judge(V1, Value(9))!.Kind);
        Assert.Equal(ViolationKind.Half, _record.Judge(V1, RecordedValue.Of("record/1/0/1", 1, 256))!.Kind);
    }

    [Fact]
    public void A_write_of_unknown_outcome_may_be_there_or_not_but_not_under_an_older_version()
    {
        Acknowledge(1, V2);
        Add(HistoryEvent.Attempt, 2);
        Add(HistoryEvent.Unknown, 3);

        Assert.Null(_record.Judge(V2, Value(1)));
        Assert.Null(_record.Judge(V3, Value(2)));
        Assert.Null(_record.Judge(V3, Value(3)));
        Assert.Equal(ViolationKind.Lost, _record.Judge(V1, Value(3))!.Kind);
    }

    [Fact]
    public void A_key_that_was_never_acknowledged_may_be_absent()
    {
        Add(HistoryEvent.Unknown, 1);
        Assert.Null(_record.Judge(null, []));
        Assert.Null(_record.Judge(V1, Value(1)));
    }

    [Fact]
    public void A_refused_write_must_not_be_there()
    {
        Add(HistoryEvent.Refused, 1);
        Assert.Null(_record.Judge(null, []));
        Assert.Equal(ViolationKind.RefusedButApplied, _record.Judge(V1, Value(1))!.Kind);
    }

    [Fact]
    public void Versions_must_grow_in_the_order_of_acknowledgement()
    {
        Acknowledge(1, V2);
        Acknowledge(2, V1);
        Assert.Equal(ViolationKind.OutOfOrder, _record.Judge(V2, Value(1))!.Kind);
    }

    [Fact]
    public void A_read_as_of_a_version_must_find_that_very_write()
    {
        Acknowledge(1, V1);
        Acknowledge(2, V2);

        Assert.Null(_record.JudgeAsOf(1, V1, V1, Value(1)));
        Assert.Equal(ViolationKind.Lost, _record.JudgeAsOf(1, V1, null, [])!.Kind);
        Assert.Equal(ViolationKind.WrongVersion, _record.JudgeAsOf(1, V1, V2, Value(2))!.Kind);
        Assert.Equal(ViolationKind.WrongVersion, _record.JudgeAsOf(1, V1, V1, Value(2))!.Kind);
        Assert.Equal(ViolationKind.Half, _record.JudgeAsOf(1, V1, V1, Value(1).AsSpan(1))!.Kind);
    }

    private static byte[] Value(long sequence) => RecordedValue.Of(Key, sequence, 256);

    private void Acknowledge(long sequence, string version)
    {
        Add(HistoryEvent.Attempt, sequence);
        _record.Add(new HistoryEvent { Type = HistoryEvent.Acknowledged, Key = Key, Sequence = sequence, Version = version });
    }

    private void Add(string type, long sequence) => _record.Add(new HistoryEvent { Type = type, Key = Key, Sequence = sequence });
}
