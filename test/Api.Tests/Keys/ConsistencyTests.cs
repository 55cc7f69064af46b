using GrainDb.Api.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class ConsistencyTests
{
    [Theory]
    [InlineData("linearizable", false)]
    [InlineData("session", false)]
    [InlineData("eventual", false)]
    [InlineData("bounded;max-staleness-ms=500", false)]
    [InlineData("bounded; max-staleness-ms=0; fallback=none", false)]
    [InlineData("quorum", true)]
    [InlineData("all", true)]
    public void What_strong_keyspaces_offer(string choice, bool write) => Consistency.Check(choice, write);

    [Theory]
    [InlineData("one", false)]
    [InlineData("one", true)]
    [InlineData("r=2", false)]
    [InlineData("w=2", true)]
    [InlineData("quorum", false)]
    [InlineData("all", false)]
    [InlineData("linearizable", true)]
    [InlineData("bounded;max-staleness-ms=1", true)]
    public void What_another_family_or_direction_offers(string choice, bool write) =>
        Assert.Equal(ErrorCode.UnsupportedForFamily, Assert.Throws<GrainDbException>(() => Consistency.Check(choice, write)).Failure.Code);

    [Theory]
    [InlineData("")]
    [InlineData("Linearizable")]
    [InlineData("bounded")]
    [InlineData("bounded;max-staleness-ms=")]
    [InlineData("bounded;max-staleness-ms=-1")]
    [InlineData("bounded;max-staleness-ms=1;max-staleness-ms=2")]
    [InlineData("bounded;max-staleness-ms=1;fallback=leader")]
    [InlineData("linearizable;x=1")]
    [InlineData("strong")]
    public void What_nobody_offers(string choice) =>
        Assert.Equal(ErrorCode.InvalidRequest, Assert.Throws<GrainDbException>(() => Consistency.Check(choice, write: false)).Failure.Code);
}
