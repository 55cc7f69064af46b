using CsCheck;
using GrainDb.LoadTool.Durability;

namespace GrainDb.LoadTool.Tests.Durability;

public sealed class RecordedValueTests
{
    private const string Key = "record/18f/63/999999";

    [Fact]
    public void A_whole_value_names_its_write_and_any_changed_byte_makes_it_none() =>
        Gen.Select(Gen.Long[1, long.MaxValue], Gen.Int[RecordedValue.MinBytes, 2000], Gen.Int[0, 1999], Gen.Byte[1, 255]).Sample((sequence, bytes, at, change) =>
        {
            var value = RecordedValue.Of(Key, sequence, bytes);
            var whole = RecordedValue.SequenceOf(Key, value) == sequence;
            value[at % bytes] ^= change;
            return whole && RecordedValue.SequenceOf(Key, value) != sequence;
        });

    [Fact]
    public void A_shorter_value_is_still_a_prefix_of_itself_only()
    {
        var value = RecordedValue.Of(Key, 5, 256);
        Assert.Null(RecordedValue.SequenceOf(Key + "0", value));
        Assert.Null(RecordedValue.SequenceOf(Key, value.AsSpan(1)));
        Assert.Null(RecordedValue.SequenceOf(Key, value.AsSpan(0, Key.Length)));
    }
}
