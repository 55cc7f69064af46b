using System.Text;
using CsCheck;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class ScanCursorTests
{
    private static readonly ScanQuery Query = new("a"u8.ToArray(), new ReadOnlyMemory<byte>("b"u8.ToArray()), Timestamp.Zero, 10, Reverse: false, KeysOnly: false, ResumeKey: null);

    private static readonly Gen<ScanCursor> Cursors =
        Gen.Select(Gen.ULong, Gen.ULong, Gen.Byte.Array[0, 4104], (hash, time, key) => new ScanCursor(hash, new Timestamp(Math.Max(1, time)), key));

    [Fact]
    public void A_cursor_comes_back_as_it_went() => Cursors.Sample(cursor => ScanCursor.Parse(cursor.Format(), cursor.QueryHash).Equals(cursor));

    [Fact]
    public void A_cursor_with_any_character_changed_is_refused() => Gen.Select(Cursors, Gen.Int[0, int.MaxValue], Gen.Char["ABCabc019-_=+/ \u00e9"]).Sample((cursor, at, character) =>
    {
        var text = new StringBuilder(cursor.Format());
        if (text[at % text.Length] == character)
            return true;
        text[at % text.Length] = character;
        return Refuses(() => ScanCursor.Parse(text.ToString(), cursor.QueryHash));
    });

    [Fact]
    public void No_text_is_taken_for_a_cursor() => Gen.String.Sample(text => Refuses(() => ScanCursor.Parse(text, 0)));

    [Fact]
    public void Every_part_of_the_query_but_the_limit_makes_another_hash()
    {
        var hash = ScanCursor.Hash("orders", Query);
        ScanQuery[] others =
        [
            Query with { Start = "ab"u8.ToArray() },
            Query with { Start = ReadOnlyMemory<byte>.Empty },
            Query with { End = new ReadOnlyMemory<byte>("c"u8.ToArray()) },
            Query with { End = null },
            Query with { Start = "ab"u8.ToArray(), End = new ReadOnlyMemory<byte>([]) },
            Query with { Reverse = true },
            Query with { KeysOnly = true },
            Query with { AsOf = new Timestamp(1) },
        ];
        Assert.DoesNotContain(hash, others.Select(other => ScanCursor.Hash("orders", other)));
        Assert.Equal(others.Length, others.Select(other => ScanCursor.Hash("orders", other)).Distinct().Count());
        Assert.NotEqual(hash, ScanCursor.Hash("order", Query));
        Assert.Equal(hash, ScanCursor.Hash("orders", Query with { Limit = 20, ResumeKey = [1] }));
    }

    [Fact]
    public void A_cursor_of_another_query_says_so()
    {
        var text = new ScanCursor(1, new Timestamp(5), [1]).Format();
        var refused = Assert.Throws<GrainDbException>(() => ScanCursor.Parse(text, 2));
        Assert.Equal(ErrorCode.InvalidRequest, refused.Failure.Code);
        Assert.Contains("another query", refused.Failure.Detail, StringComparison.Ordinal);
    }

    private static bool Refuses(Action parse)
    {
        try
        {
            parse();
            return false;
        }
        catch (GrainDbException refused)
        {
            return refused.Failure.Code == ErrorCode.InvalidRequest;
        }
    }
}
