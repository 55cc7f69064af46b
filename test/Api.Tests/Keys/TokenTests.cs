using System.Text;
using CsCheck;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class TokenTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_session_comes_back_as_it_went() => Gen.ULong.Sample(value => SessionToken.Parse(SessionToken.Format(new Timestamp(value))).Value == value);

    [Fact]
    public void A_damaged_session_is_refused() => Gen.Select(Gen.ULong, Gen.Int[0, 15], Gen.Char["ABCDabcd0129-_"]).Sample((value, at, character) =>
    {
        var text = new StringBuilder(SessionToken.Format(new Timestamp(value)));
        if (text[at] == character)
            return true;
        text[at] = character;
        return Refused(text.ToString());
    });

    [Fact]
    public void No_text_is_taken_for_a_session() => Gen.String.Sample(Refused);

    [Fact]
    public void No_session_has_seen_nothing() => Assert.Equal(Timestamp.Zero, SessionToken.Parse(null));

    [Theory]
    [InlineData("2026-05-01T11:59:59.123Z")]
    [InlineData("2026-05-01t11:59:59.1239999z")]
    [InlineData("2026-05-01T13:59:59.123+02:00")]
    [InlineData("2026-05-01 11:59:59.123Z")]
    public void A_time_means_the_end_of_its_millisecond(string text)
    {
        var expected = Timestamp.FromParts(new DateTimeOffset(2026, 5, 1, 11, 59, 59, 123, TimeSpan.Zero).ToUnixTimeMilliseconds(), ushort.MaxValue);
        Assert.Equal(expected, AsOf.Parse(text, new FixedTime(Now)));
    }

    [Fact]
    public void A_timestamp_means_itself() => Assert.Equal(new Timestamp(0x0199000000000001), AsOf.Parse("0199000000000001", new FixedTime(Now)));

    [Fact]
    public void Nothing_means_now() => Assert.True(AsOf.Parse(null, new FixedTime(Now)).IsZero);

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("0000000000000000")]
    [InlineData("ffffffffffffffff")]
    [InlineData("2026-05-01")]
    [InlineData("2026-05-01T11:59:59")]
    [InlineData("2026-05-01T11:59:59 02:00")]
    [InlineData("2026-13-01T11:59:59Z")]
    [InlineData("1969-12-31T23:59:59Z")]
    [InlineData("2026-05-01T12:00:02Z")]
    [InlineData("9999-12-31T23:59:59Z")]
    [InlineData("yesterday")]
    public void Other_times_are_refused(string text) =>
        Assert.Equal(ErrorCode.InvalidRequest, Assert.Throws<GrainDbException>(() => AsOf.Parse(text, new FixedTime(Now))).Failure.Code);

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain; charset=utf-8")]
    [InlineData("image/svg+xml")]
    [InlineData("multipart/form-data; boundary=\"a b\"")]
    public void Media_types_are_kept(string type)
    {
        Assert.Equal(type, MediaType.Check(type));
        Assert.Equal(type, MediaType.ToServe(type));
    }

    [Theory]
    [InlineData("json")]
    [InlineData("/json")]
    [InlineData("text/")]
    [InlineData("text/plain\r\nX: y")]
    [InlineData("text/pl ain")]
    [InlineData("text/plain; x=\u00e9")]
    public void Other_media_types_are_refused_and_never_served(string type)
    {
        Assert.Throws<GrainDbException>(() => MediaType.Check(type));
        Assert.Equal(MediaType.Default, MediaType.ToServe(type));
    }

    private static bool Refused(string text)
    {
        try
        {
            SessionToken.Parse(text);
            return false;
        }
        catch (GrainDbException)
        {
            return true;
        }
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
