using System.Globalization;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>
/// <c>GrainDb-Consistency</c> or <c>?consistency=</c>. Strong keyspaces read <c>linearizable</c> (default), <c>session</c>,
/// <c>bounded;max-staleness-ms=n[;fallback=none]</c> or <c>eventual</c>, and write <c>quorum</c> (default) or <c>all</c>.
/// Levels and parameters are lower case; spaces and tabs around <c>;</c> do not count.
/// </summary>
internal static class Consistency
{
    public const string Header = "GrainDb-Consistency";
    public const string Parameter = "consistency";

    /// <summary>A day. Retention ends sooner or later than that; a bound that nobody would notice is <c>eventual</c>.</summary>
    public const long MaxStalenessMs = 24L * 60 * 60 * 1000;

    private const string Staleness = "max-staleness-ms=";
    private const string NoFallback = "fallback=none";
    private const string ReadChoices = "linearizable, session, bounded;max-staleness-ms=n[;fallback=none] or eventual";
    private const string WriteChoices = "quorum or all";

    /// <summary>What a read asks for.</summary>
    /// <param name="headers">Of the request.</param>
    /// <param name="query">Of the request.</param>
    /// <param name="seen">Highest timestamp that the session has seen; zero for none.</param>
    public static ReadConsistency OfRead(IHeaderDictionary headers, QueryParameters query, Timestamp seen) =>
        Choice(headers, query) is { } choice ? ParseRead(choice, seen) : ReadConsistency.Linearizable;

    /// <summary>What a write asks for.</summary>
    public static WriteLevel OfWrite(IHeaderDictionary headers, QueryParameters query) =>
        Choice(headers, query) is { } choice ? ParseWrite(choice) : WriteLevel.Quorum;

    /// <exception cref="Interfaces.Errors.GrainDbException">It is none that a read of a strong keyspace has.</exception>
    public static ReadConsistency ParseRead(string choice, Timestamp seen)
    {
        var parts = choice.Split(';');
        var level = Trim(parts[0]);
        switch (level)
        {
            case "linearizable":
                RefuseParameters(parts);
                return ReadConsistency.Linearizable;
            case "session":
                RefuseParameters(parts);
                return new ReadConsistency(ReadLevel.Session, MaxStaleness: default, seen, LocalOnly: false);
            case "eventual":
                RefuseParameters(parts);
                return new ReadConsistency(ReadLevel.Eventual, MaxStaleness: default, Seen: default, LocalOnly: false);
            case "bounded":
                return ParseBounded(parts, choice);
            case "quorum" or "all":
                throw BadInput.Unsupported($"{Header} '{QueryParameters.Shorten(choice)}' is for writes; a strong keyspace reads {ReadChoices}.");
            default:
                RefuseOtherFamily(level, choice, $"reads {ReadChoices}");
                throw BadInput.Request($"{Header} is '{QueryParameters.Shorten(choice)}'; a strong keyspace reads {ReadChoices}.");
        }
    }

    /// <exception cref="Interfaces.Errors.GrainDbException">It is none that a write to a strong keyspace has.</exception>
    public static WriteLevel ParseWrite(string choice)
    {
        var parts = choice.Split(';');
        var level = Trim(parts[0]);
        switch (level)
        {
            case "quorum":
                RefuseParameters(parts);
                return WriteLevel.Quorum;
            case "all":
                RefuseParameters(parts);
                return WriteLevel.All;
            case "linearizable" or "session" or "bounded" or "eventual":
                throw BadInput.Unsupported($"{Header} '{QueryParameters.Shorten(choice)}' is for reads; a strong keyspace writes {WriteChoices}.");
            default:
                RefuseOtherFamily(level, choice, $"writes {WriteChoices}");
                throw BadInput.Request($"{Header} is '{QueryParameters.Shorten(choice)}'; a strong keyspace writes {WriteChoices}.");
        }
    }

    /// <summary>The level's name as the grammar has it.</summary>
    public static string NameOf(ReadLevel level) => level switch
    {
        ReadLevel.Linearizable => "linearizable",
        ReadLevel.Session => "session",
        ReadLevel.Bounded => "bounded",
        ReadLevel.Eventual => "eventual",
        _ => throw new ArgumentOutOfRangeException(nameof(level), level, "Not a level."),
    };

    /// <summary>The level's name as the grammar has it.</summary>
    public static string NameOf(WriteLevel level) => level switch
    {
        WriteLevel.Quorum => "quorum",
        WriteLevel.All => "all",
        _ => throw new ArgumentOutOfRangeException(nameof(level), level, "Not a level."),
    };

    /// <summary>What either form says, unread; null for nothing.</summary>
    public static string? Choice(IHeaderDictionary headers, QueryParameters query)
    {
        var header = Headers.Single(headers, Header);
        var parameter = query.Text(Parameter);
        return header is not null && parameter is not null && header != parameter
            ? throw BadInput.Request($"{Header} and ?{Parameter}= say different things.")
            : header ?? parameter;
    }

    private static ReadConsistency ParseBounded(string[] parts, string choice)
    {
        TimeSpan? staleness = null;
        var localOnly = false;
        foreach (var raw in parts.AsSpan(1))
        {
            var part = Trim(raw);
            if (part == NoFallback && !localOnly)
                localOnly = true;
            else if (part.StartsWith(Staleness, StringComparison.Ordinal) && staleness is null)
                staleness = ParseStaleness(part.AsSpan(Staleness.Length), choice);
            else
                throw BadInput.Request($"{Header} is '{QueryParameters.Shorten(choice)}'; bounded takes max-staleness-ms=n and fallback=none, each once.");
        }

        return staleness is { } bound
            ? new ReadConsistency(ReadLevel.Bounded, bound, Seen: default, localOnly)
            : throw BadInput.Request($"{Header} 'bounded' needs max-staleness-ms=n.");
    }

    private static TimeSpan ParseStaleness(ReadOnlySpan<char> digits, string choice) =>
        long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds <= MaxStalenessMs
            ? TimeSpan.FromMilliseconds(milliseconds)
            : throw BadInput.Request($"{Header} is '{QueryParameters.Shorten(choice)}'; max-staleness-ms is a whole number from 0 to {MaxStalenessMs}.");

    private static void RefuseParameters(string[] parts)
    {
        if (parts.Length > 1)
            throw BadInput.Request($"{Header} '{Trim(parts[0])}' takes no parameters.");
    }

    private static void RefuseOtherFamily(string level, string choice, string offer)
    {
        if (level == "one" || level.StartsWith("r=", StringComparison.Ordinal) || level.StartsWith("w=", StringComparison.Ordinal))
            throw BadInput.Unsupported($"{Header} '{QueryParameters.Shorten(choice)}' belongs to eventual keyspaces; this one is strong and {offer}.");
    }

    private static string Trim(string part) => part.Trim([' ', '\t']);
}
