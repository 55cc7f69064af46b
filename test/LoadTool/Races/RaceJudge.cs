namespace GrainDb.LoadTool.Races;

/// <summary>
/// Decides whether conditional increments of one key were exclusive. The winners must form one chain from the first version
/// to the last: each version but the last has exactly one winner, whose new version is the next. A write of unknown outcome
/// may stand for one missing link.
/// </summary>
internal static class RaceJudge
{
    /// <summary>Finds what is wrong.</summary>
    /// <param name="attempts">All conditional writes.</param>
    /// <param name="first">Version before the race, where the counter was 0.</param>
    /// <param name="last">Version after it.</param>
    /// <param name="counter">The counter after it.</param>
    public static IReadOnlyList<string> Judge(IReadOnlyCollection<RaceAttempt> attempts, string first, string last, long counter)
    {
        var problems = new List<string>();
        var winners = new Dictionary<string, string>();
        foreach (var attempt in attempts)
        {
            switch (attempt.Result)
            {
                case RaceResult.Won when string.CompareOrdinal(attempt.Version, attempt.BasedOn) <= 0:
                    problems.Add($"the winner on {attempt.BasedOn} got {attempt.Version}, which is not newer");
                    break;
                case RaceResult.Won when !winners.TryAdd(attempt.BasedOn, attempt.Version!):
                    problems.Add($"two winners on {attempt.BasedOn}: {winners[attempt.BasedOn]} and {attempt.Version}");
                    break;
                case RaceResult.Lost when string.CompareOrdinal(attempt.Version, attempt.BasedOn) <= 0:
                    problems.Add($"a loser on {attempt.BasedOn} was told that {attempt.Version} is current, which is not newer");
                    break;
                default:
                    break;
            }
        }

        var unknown = attempts.Count(attempt => attempt.Result == RaceResult.Unknown);
        var links = Follow(winners, first, out var end);
        if (unknown == 0 && end != last)
            problems.Add($"the chain of winners ends at {end} after {links} of {winners.Count} links; the key is at {last}");
        if (unknown == 0 && end == last && links != winners.Count)
            problems.Add($"{winners.Count - links} winners are outside the chain from {first} to {last}");
        var won = attempts.Count(attempt => attempt.Result == RaceResult.Won);
        if (counter < won || counter > won + unknown)
            problems.Add($"the counter is {counter} after {won} winners and {unknown} of unknown outcome");
        return problems;
    }

    private static int Follow(Dictionary<string, string> winners, string first, out string end)
    {
        var links = 0;
        end = first;
        while (links < winners.Count && winners.TryGetValue(end, out var next))
        {
            end = next;
            links++;
        }

        return links;
    }
}
