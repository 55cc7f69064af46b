using System.Globalization;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>
/// <c>GrainDb-Consistency</c> or <c>?consistency=</c>. Strong keyspaces read <c>linearizable</c> (default), <c>session</c>,
/// <c>bounded;max-staleness-ms=n[;fallback=none]</c> or <c>eventual</c>, and write <c>quorum</c> (default) or <c>all</c>. The
/// range's leader serves every one of them, which is at least as strong as each asks for; the choice is validated so that a
/// request that is right today stays right when followers serve too.
/// </summary>
internal static class Consistency
{
    public const string Header = "GrainDb-Consistency";
    public const string Parameter = "consistency";

    private const string ReadChoices = "linearizable, session, bounded;max-staleness-ms=n[;fallback=none] or eventual";
    private const string WriteChoices = "quorum or all";

    public static void Check(IHeaderDictionary headers, QueryParameters query, bool write)
    {
        var header = Headers.Single(headers, Header);
        var parameter = query.Text(Parameter);
        if (header is null && parameter is null)
            return;
        if (header is not null && parameter is not null && header != parameter)
            throw BadInput.Request($"{Header} and ?{Parameter}= say different things.");
        Check((header ?? parameter)!, write);
    }

    public static void Check(string choice, bool write)
    {
        var parts = choice.Split(';', StringSplitOptions.TrimEntries);
        var level = parts[0];
        if (level == "one" || level.StartsWith("r=", StringComparison.Ordinal) || level.StartsWith("w=", StringComparison.Ordinal))
            throw BadInput.Unsupported($"{Header} '{QueryParameters.Shorten(choice)}' belongs to eventual keyspaces; this one is strong and {Offer(write)}.");
        var knownToTheOther = write ? level is "linearizable" or "session" or "bounded" or "eventual" : level is "quorum" or "all";
        if (knownToTheOther)
            throw BadInput.Unsupported($"{Header} '{QueryParameters.Shorten(choice)}' is for {(write ? "reads" : "writes")}; a strong keyspace {Offer(write)}.");
        var known = write ? level is "quorum" or "all" : level is "linearizable" or "session" or "bounded" or "eventual";
        if (!known)
            throw BadInput.Request($"{Header} is '{QueryParameters.Shorten(choice)}'; a strong keyspace {Offer(write)}.");
        if (level == "bounded")
            CheckBounded(parts, choice);
        else if (parts.Length > 1)
            throw BadInput.Request($"{Header} '{level}' takes no parameters.");
    }

    private static void CheckBounded(string[] parts, string choice)
    {
        var staleness = false;
        var fallback = false;
        foreach (var part in parts.AsSpan(1))
        {
            var isStaleness = part.StartsWith("max-staleness-ms=", StringComparison.Ordinal)
                && long.TryParse(part.AsSpan("max-staleness-ms=".Length), NumberStyles.None, CultureInfo.InvariantCulture, out _);
            var isFallback = part == "fallback=none";
            if ((!isStaleness && !isFallback) || (isStaleness && staleness) || (isFallback && fallback))
                throw BadInput.Request($"{Header} is '{QueryParameters.Shorten(choice)}'; bounded takes max-staleness-ms=n (a whole number) and fallback=none, each once.");
            staleness |= isStaleness;
            fallback |= isFallback;
        }

        if (!staleness)
            throw BadInput.Request($"{Header} 'bounded' needs max-staleness-ms=n.");
    }

    private static string Offer(bool write) => write ? $"writes {WriteChoices}" : $"reads {ReadChoices}";
}
