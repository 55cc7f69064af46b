using GrainDb.LoadTool.Races;

namespace GrainDb.LoadTool.Tests.Races;

public sealed class RaceJudgeTests
{
    private static readonly RaceAttempt[] Fair =
    [
        new("01", RaceResult.Won, "02"),
        new("01", RaceResult.Lost, "02"),
        new("02", RaceResult.Won, "03"),
        new("02", RaceResult.Lost, "03"),
        new("01", RaceResult.Lost, "03"),
        new("03", RaceResult.Refused, null),
    ];

    [Fact]
    public void One_winner_per_version_is_right() => Assert.Empty(RaceJudge.Judge(Fair, "01", "03", 2));

    [Fact]
    public void Two_winners_on_one_version_are_seen() =>
        Assert.Contains(RaceJudge.Judge([.. Fair, new("02", RaceResult.Won, "04")], "01", "03", 3), problem => problem.StartsWith("two winners on 02", StringComparison.Ordinal));

    [Fact]
    public void A_winner_whose_write_is_gone_is_seen() => Assert.NotEmpty(RaceJudge.Judge(Fair, "01", "02", 2));

    [Fact]
    public void A_winner_outside_the_chain_is_seen() =>
        Assert.NotEmpty(RaceJudge.Judge([.. Fair, new("05", RaceResult.Won, "06")], "01", "03", 3));

    [Fact]
    public void A_lost_or_repeated_increment_is_seen()
    {
        Assert.NotEmpty(RaceJudge.Judge(Fair, "01", "03", 1));
        Assert.NotEmpty(RaceJudge.Judge(Fair, "01", "03", 3));
    }

    [Fact]
    public void A_loser_that_is_told_its_own_or_no_version_is_seen()
    {
        Assert.NotEmpty(RaceJudge.Judge([.. Fair, new("03", RaceResult.Lost, "03")], "01", "03", 2));
        Assert.NotEmpty(RaceJudge.Judge([.. Fair, new("03", RaceResult.Lost, null)], "01", "03", 2));
    }

    [Fact]
    public void A_version_that_does_not_grow_is_seen() =>
        Assert.NotEmpty(RaceJudge.Judge([new("02", RaceResult.Won, "01")], "02", "01", 1));

    [Fact]
    public void A_write_of_unknown_outcome_may_be_the_missing_link()
    {
        RaceAttempt[] attempts = [new("01", RaceResult.Won, "02"), new("02", RaceResult.Unknown, null), new("03", RaceResult.Won, "04")];
        Assert.Empty(RaceJudge.Judge(attempts, "01", "04", 3));
        Assert.NotEmpty(RaceJudge.Judge(attempts, "01", "04", 4));
    }
}
