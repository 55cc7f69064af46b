using CsCheck;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class ConsistencyTests
{
    private static readonly Timestamp Seen = new(0x0199_0000_0000_0001);

    [Theory]
    [InlineData("linearizable", ReadLevel.Linearizable, 0, false)]
    [InlineData("session", ReadLevel.Session, 0, false)]
    [InlineData("eventual", ReadLevel.Eventual, 0, false)]
    [InlineData("bounded;max-staleness-ms=500", ReadLevel.Bounded, 500, false)]
    [InlineData("bounded;max-staleness-ms=0", ReadLevel.Bounded, 0, false)]
    [InlineData("bounded; max-staleness-ms=86400000 ;\tfallback=none", ReadLevel.Bounded, 86_400_000, true)]
    [InlineData(" bounded ;fallback=none;max-staleness-ms=007", ReadLevel.Bounded, 7, true)]
    public void What_reads_of_strong_keyspaces_offer(string choice, ReadLevel level, int staleness, bool localOnly) => Assert.Equal(
        new ReadConsistency(level, TimeSpan.FromMilliseconds(staleness), level == ReadLevel.Session ? Seen : default, localOnly),
        Consistency.ParseRead(choice, Seen));

    [Theory]
    [InlineData("quorum", WriteLevel.Quorum)]
    [InlineData("all", WriteLevel.All)]
    public void What_writes_to_strong_keyspaces_offer(string choice, WriteLevel level) => Assert.Equal(level, Consistency.ParseWrite(choice));

    [Theory]
    [InlineData("one", false)]
    [InlineData("one", true)]
    [InlineData("r=2", false)]
    [InlineData("w=2", true)]
    [InlineData("quorum", false)]
    [InlineData("all", false)]
    [InlineData("linearizable", true)]
    [InlineData("session", true)]
    [InlineData("eventual", true)]
    [InlineData("bounded;max-staleness-ms=1", true)]
    public void What_another_family_or_direction_offers(string choice, bool write) => Assert.Equal(ErrorCode.UnsupportedForFamily, Refusal(choice, write));

    [Theory]
    [InlineData("")]
    [InlineData(";")]
    [InlineData("Linearizable")]
    [InlineData("linearizable;")]
    [InlineData("linearizable;x=1")]
    [InlineData("session;fallback=none")]
    [InlineData("eventual;max-staleness-ms=1")]
    [InlineData("bounded")]
    [InlineData("bounded;")]
    [InlineData("bounded;fallback=none")]
    [InlineData("bounded;max-staleness-ms=")]
    [InlineData("bounded;max-staleness-ms=-1")]
    [InlineData("bounded;max-staleness-ms=+1")]
    [InlineData("bounded;max-staleness-ms=1.5")]
    [InlineData("bounded;max-staleness-ms= 1")]
    [InlineData("bounded;max-staleness-ms=1e3")]
    [InlineData("bounded;max-staleness-ms=86400001")]
    [InlineData("bounded;max-staleness-ms=99999999999999999999")]
    [InlineData("bounded;max-staleness-ms=1;")]
    [InlineData("bounded;max-staleness-ms=1;max-staleness-ms=2")]
    [InlineData("bounded;max-staleness-ms=1;max-staleness-ms=1")]
    [InlineData("bounded;max-staleness-ms=1;fallback=none;fallback=none")]
    [InlineData("bounded;max-staleness-ms=1;fallback=leader")]
    [InlineData("bounded,max-staleness-ms=1")]
    [InlineData("strong")]
    public void What_no_read_offers(string choice) => Assert.Equal(ErrorCode.InvalidRequest, Refusal(choice, write: false));

    [Theory]
    [InlineData("")]
    [InlineData("All")]
    [InlineData("all;")]
    [InlineData("quorum;w=2")]
    [InlineData("two")]
    public void What_no_write_offers(string choice) => Assert.Equal(ErrorCode.InvalidRequest, Refusal(choice, write: true));

    [Fact]
    public void Any_text_is_a_level_or_a_short_refusal() =>
        Gen.Select(Gen.OneOf(Gen.String, Pieces), Gen.Bool).Sample((choice, write) =>
        {
            try
            {
                if (write)
                    return Enum.IsDefined(Consistency.ParseWrite(choice));
                var read = Consistency.ParseRead(choice, Seen);
                return Enum.IsDefined(read.Level)
                    && read.MaxStaleness >= TimeSpan.Zero && read.MaxStaleness.TotalMilliseconds <= Consistency.MaxStalenessMs
                    && (read.Level == ReadLevel.Bounded || (read.MaxStaleness == default && !read.LocalOnly))
                    && read.Seen == (read.Level == ReadLevel.Session ? Seen : default);
            }
            catch (GrainDbException exception)
            {
                return exception.Failure is { Code: ErrorCode.InvalidRequest or ErrorCode.UnsupportedForFamily, Outcome: Outcome.NotApplied, Detail.Length: < 400 };
            }
        });

    [Fact]
    public void Every_bound_comes_back_in_any_order_and_spacing() =>
        Gen.Select(Gen.Long[0, Consistency.MaxStalenessMs], Gen.Bool, Gen.Bool, Any("", " ", "\t", "  ")).Sample((bound, localOnly, first, space) =>
        {
            var staleness = $"max-staleness-ms={bound}";
            var parameters = !localOnly ? [staleness] : first ? new[] { "fallback=none", staleness } : [staleness, "fallback=none"];
            var read = Consistency.ParseRead(string.Join($"{space};{space}", parameters.Prepend("bounded")), Seen);
            return read == new ReadConsistency(ReadLevel.Bounded, TimeSpan.FromMilliseconds(bound), default, localOnly);
        });

    /// <summary>Texts made of the grammar's own pieces come nearest to being taken wrongly.</summary>
    private static Gen<string> Pieces => Any(
        "linearizable", "session", "bounded", "eventual", "quorum", "all", "one", "r=", "w=", ";", "; ", "max-staleness-ms=", "fallback=none", "1", "-", "99999999999", " ", "\u00a0")
        .Array[0, 8].Select(string.Concat);

    private static Gen<string> Any(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(index => texts[index]);

    private static ErrorCode Refusal(string choice, bool write) => Assert.Throws<GrainDbException>(() =>
    {
        if (write)
            Consistency.ParseWrite(choice);
        else
            Consistency.ParseRead(choice, Seen);
    }).Failure.Code;
}
