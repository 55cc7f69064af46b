using CsCheck;
using GrainDb.Api.Requests;

namespace GrainDb.Api.Tests.Requests;

public sealed class QueryParametersTests
{
    [Fact]
    public void Values_are_decoded()
    {
        var query = QueryParameters.Read("a=1+2%2B&&b=%C3%A4&c", "a", "b", "c");
        Assert.Equal("1 2+", query.Text("a"));
        Assert.Equal("\u00e4", query.Text("b"));
        Assert.Equal("", query.Text("c"));
        Assert.Null(query.Text("d"));
    }

    [Theory]
    [InlineData("x=1", "'x'")]
    [InlineData("a=1&a=2", "more than once")]
    [InlineData("a=1&%61=2", "more than once")]
    [InlineData("%zz=1", "parameter name")]
    public void What_the_route_does_not_know_is_refused(string text, string why)
    {
        var refused = Assert.Throws<GrainDbException>(() => QueryParameters.Read(text, "a", "b"));
        Assert.Equal(ErrorCode.InvalidRequest, refused.Failure.Code);
        Assert.Contains(why, refused.Failure.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a=%")]
    [InlineData("a=%FF")]
    public void Bad_encoding_is_refused(string text) => Assert.Throws<GrainDbException>(() => QueryParameters.Read(text, "a").Text("a"));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("11")]
    [InlineData("-1")]
    [InlineData("1.0")]
    [InlineData("+1")]
    [InlineData("99999999999")]
    public void Numbers_have_bounds(string text)
    {
        var refused = Assert.Throws<GrainDbException>(() => QueryParameters.Read($"a={text}", "a").Integer("a", 5, 1, 10));
        Assert.Contains("1 to 10", refused.Failure.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Flags_are_true_or_false()
    {
        Assert.True(QueryParameters.Read("a=true", "a").Flag("a"));
        Assert.False(QueryParameters.Read("a=false", "a").Flag("a"));
        Assert.False(QueryParameters.Read("", "a").Flag("a"));
        Assert.Throws<GrainDbException>(() => QueryParameters.Read("a", "a").Flag("a"));
        Assert.Throws<GrainDbException>(() => QueryParameters.Read("a=yes", "a").Flag("a"));
    }

    [Fact]
    public void Any_text_is_read_or_refused() => Gen.String["ab=&%+014\u00e9F?#"].Sample(text =>
    {
        try
        {
            var query = QueryParameters.Read(text, "a", "b", "a64");
            _ = query.Text("a");
            _ = query.Bytes("b", "a64");
            return true;
        }
        catch (GrainDbException refused)
        {
            return refused.Failure.Outcome == Outcome.NotApplied;
        }
    });
}
