using CsCheck;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Transactions;

/// <summary>The form in which the answer of a one-request transaction is stored.</summary>
public sealed class TransactAnswerTests
{
    private static readonly Gen<ScanItem> Row =
        from key in Gen.Byte.Array[1, 20]
        from version in Gen.ULong
        from contentType in Gen.Int[0, 2].Select(i => i switch { 0 => "", 1 => "text/plain; charset=utf-8", _ => "application/json" })
        from value in Gen.Byte.Array[0, 50]
        select new ScanItem(key, new Timestamp(version), contentType, value);

    private static readonly Gen<TransactFound> Found = Gen.OneOf(
        Gen.Const(new TransactFound()),
        Row.Select(row => new TransactFound { Item = row }),
        Row.Array[0, 5].Select(rows => new TransactFound { Rows = rows }));

    [Fact]
    public void What_was_encoded_comes_back() =>
        Gen.Select(Found.Array[0, 10], Gen.Long.Nullable().Array[0, 10]).Sample((reads, increments) =>
        {
            Assert.True(TransactAnswer.TryEncode(reads, increments, out var answer));
            Assert.True(TransactAnswer.TryDecode(answer, out var found, out var values));
            Assert.Equal(increments, values);
            Assert.Equal(reads.Select(Show), found.Select(Show));
        });

    [Fact]
    public void Damage_is_noticed_or_harmless_and_never_thrown() =>
        Gen.Select(Found.Array[0, 5], Gen.Long.Nullable().Array[0, 5], Gen.Int[0, 10_000], Gen.Byte).Sample((reads, increments, position, value) =>
        {
            Assert.True(TransactAnswer.TryEncode(reads, increments, out var answer));
            answer[position % answer.Length] = value;
            TransactAnswer.TryDecode(answer, out _, out _);
            Assert.False(TransactAnswer.TryDecode(answer.AsMemory(0, position % answer.Length), out _, out _));
        });

    [Fact]
    public void As_many_increments_as_may_be_asked_for_always_fit()
    {
        var increments = Enumerable.Repeat<long?>(long.MinValue, TransactAnswer.MaxWrites).ToArray();
        Assert.True(TransactAnswer.TryEncode([], increments, out var answer));
        Assert.InRange(answer.Length, 1, TransactionLimits.MaxIdempotencyAnswerBytes);
    }

    [Fact]
    public void What_exceeds_the_bound_is_refused()
    {
        var large = new ScanItem("k"u8.ToArray(), new Timestamp(1), "", new byte[TransactionLimits.MaxIdempotencyAnswerBytes]);
        Assert.False(TransactAnswer.TryEncode([new TransactFound { Item = large }], [], out var answer));
        Assert.Empty(answer);
        var half = large with { Value = new byte[TransactionLimits.MaxIdempotencyAnswerBytes / 2] };
        Assert.True(TransactAnswer.TryEncode([new TransactFound { Item = half }], [], out _));
        Assert.False(TransactAnswer.TryEncode([new TransactFound { Rows = [half, half] }], [], out _));
        Assert.False(TransactAnswer.TryEncode([], Enumerable.Repeat<long?>(1, 10_000).ToArray(), out _));
    }

    private static string Show(TransactFound found) => found.Rows is { } rows ? $"[{string.Join(',', rows.Select(Show))}]" : found.Item is { } item ? Show(item) : "-";

    private static string Show(ScanItem row) => $"{Convert.ToHexString(row.Key.Span)}@{row.Version}:{row.ContentType}={Convert.ToHexString(row.Value.Span)}";
}
