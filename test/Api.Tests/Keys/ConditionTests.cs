using GrainDb.Api.Keys;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace GrainDb.Api.Tests.Keys;

public sealed class ConditionTests
{
    private const string Version = "0123456789abcdef";
    private static readonly Timestamp Parsed = new(0x0123456789abcdef);

    [Fact]
    public void Without_headers_nothing_is_asked() => Assert.Equal(WriteCondition.None, Write(null, null));

    [Theory]
    [InlineData("\"0123456789abcdef\"", null, ConditionKind.VersionEquals)]
    [InlineData("  \"0123456789ABCDEF\" ", null, ConditionKind.VersionEquals)]
    [InlineData("*", null, ConditionKind.Exists)]
    [InlineData(null, "*", ConditionKind.NotExists)]
    public void Conditions_of_writes(string? ifMatch, string? ifNoneMatch, ConditionKind kind)
    {
        var condition = Write(ifMatch, ifNoneMatch);
        Assert.Equal(kind, condition.Kind);
        if (kind == ConditionKind.VersionEquals)
            Assert.Equal(Parsed, condition.Version);
    }

    [Theory]
    [InlineData("0123456789abcdef", null)]
    [InlineData("W/\"0123456789abcdef\"", null)]
    [InlineData("\"0123456789abcdef\", \"0123456789abcdee\"", null)]
    [InlineData("\"0123456789abcde\"", null)]
    [InlineData("\"0123456789abcdeg\"", null)]
    [InlineData("\"0000000000000000\"", null)]
    [InlineData("", null)]
    [InlineData(null, "\"0123456789abcdef\"")]
    [InlineData(null, "")]
    [InlineData("*", "*")]
    public void Wrong_conditions_of_writes_are_refused(string? ifMatch, string? ifNoneMatch) =>
        Assert.Equal(ErrorCode.InvalidRequest, Assert.Throws<GrainDbException>(() => Write(ifMatch, ifNoneMatch)).Failure.Code);

    [Fact]
    public void A_repeated_header_is_refused()
    {
        var headers = new HeaderDictionary { ["If-Match"] = new StringValues(["*", "*"]) };
        Assert.Throws<GrainDbException>(() => EntityTags.ReadWriteCondition(headers));
    }

    [Theory]
    [InlineData("\"0123456789abcdef\"", true)]
    [InlineData("W/\"0123456789abcdef\"", true)]
    [InlineData("\"x\" , \"0123456789abcdef\"", true)]
    [InlineData("*", true)]
    [InlineData("\"0123456789abcdee\"", false)]
    [InlineData("\"something else\"", false)]
    public void If_none_match_of_reads_is_a_list(string header, bool notModified)
    {
        var precondition = EntityTags.ReadPrecondition(new HeaderDictionary { ["If-None-Match"] = header });
        Assert.Equal(notModified, precondition!.IsNotModified(Parsed));
    }

    [Theory]
    [InlineData("\"0123456789abcdef\"", false)]
    [InlineData("*", false)]
    [InlineData("W/\"0123456789abcdef\"", true)]
    [InlineData("\"0123456789abcdee\"", true)]
    public void If_match_of_reads_is_strong(string header, bool refuses)
    {
        var precondition = EntityTags.ReadPrecondition(new HeaderDictionary { ["If-Match"] = header });
        Assert.Equal(refuses, precondition!.Refuses(found: true, Parsed));
        Assert.True(precondition.Refuses(found: false, Timestamp.Zero));
        // What a transaction wrote itself exists, and has no version.
        Assert.Equal(header != "*", precondition.Refuses(found: true, Timestamp.Zero));
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("\"abc")]
    [InlineData("\"a\" \"b\"")]
    public void Malformed_lists_are_refused(string header) =>
        Assert.Throws<GrainDbException>(() => EntityTags.ReadPrecondition(new HeaderDictionary { ["If-None-Match"] = header }));

    [Fact]
    public void A_version_in_a_batch_needs_no_quotes()
    {
        Assert.Equal(Parsed, EntityTags.ParseWriteCondition(Version, null, quoted: false).Version);
        Assert.Equal(Parsed, EntityTags.ParseWriteCondition($"\"{Version}\"", null, quoted: false).Version);
    }

    private static WriteCondition Write(string? ifMatch, string? ifNoneMatch)
    {
        var headers = new HeaderDictionary();
        if (ifMatch is not null)
            headers["If-Match"] = ifMatch;
        if (ifNoneMatch is not null)
            headers["If-None-Match"] = ifNoneMatch;
        return EntityTags.ReadWriteCondition(headers);
    }
}
