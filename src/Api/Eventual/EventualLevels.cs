using System.Globalization;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Eventual;

/// <summary>
/// <c>GrainDb-Consistency</c> or <c>?consistency=</c> on eventual keyspaces: <c>one</c>, <c>quorum</c> (default), <c>all</c>, <c>r=n</c> on reads, <c>w=n</c> on writes.
/// </summary>
internal static class EventualLevels
{
    public static EventualLevel Of(IHeaderDictionary headers, QueryParameters query, KeyspaceDescriptor keyspace, bool write) =>
        Consistency.Choice(headers, query) is { } choice ? Parse(choice, keyspace, write) : EventualLevel.Quorum;

    /// <exception cref="GrainDbException">It is none that an eventual keyspace has.</exception>
    public static EventualLevel Parse(string choice, KeyspaceDescriptor keyspace, bool write)
    {
        var level = choice.Trim([' ', '\t']);
        return level switch
        {
            "one" => EventualLevel.One,
            "quorum" => EventualLevel.Quorum,
            "all" => EventualLevel.All,
            _ when level.StartsWith("r=", StringComparison.Ordinal) || level.StartsWith("w=", StringComparison.Ordinal) => ParseCount(level, keyspace, write),
            _ when level.Split(';')[0].Trim([' ', '\t']) is "linearizable" or "session" or "bounded" or "eventual" =>
                throw BadInput.Unsupported($"{Consistency.Header} '{QueryParameters.Shorten(choice)}' belongs to strong keyspaces; this one is eventual and {Offer(write)}."),
            _ => throw BadInput.Request($"{Consistency.Header} is '{QueryParameters.Shorten(choice)}'; an eventual keyspace {Offer(write)}."),
        };
    }

    public static string NameOf(EventualLevel level, bool write) => level.Kind switch
    {
        EventualLevelKind.One => "one",
        EventualLevelKind.Quorum => "quorum",
        EventualLevelKind.All => "all",
        EventualLevelKind.Count => string.Create(CultureInfo.InvariantCulture, $"{(write ? 'w' : 'r')}={level.Count}"),
        _ => throw new ArgumentOutOfRangeException(nameof(level), level, "Not a level."),
    };

    private static EventualLevel ParseCount(string level, KeyspaceDescriptor keyspace, bool write)
    {
        if (level[0] != (write ? 'w' : 'r'))
            throw BadInput.Unsupported($"{Consistency.Header} '{QueryParameters.Shorten(level)}' is for {(write ? "reads" : "writes")}; an eventual keyspace {Offer(write)}.");
        if (!int.TryParse(level.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count == 0)
            throw BadInput.Request($"{Consistency.Header} is '{QueryParameters.Shorten(level)}'; n is a whole number from 1 to {keyspace.ReplicationFactor}.");
        return count <= keyspace.ReplicationFactor
            ? EventualLevel.Of(count)
            : throw BadInput.Unsupported($"{Consistency.Header} is '{QueryParameters.Shorten(level)}'; the keyspace '{keyspace.Name}' has {keyspace.ReplicationFactor} replicas of a key.");
    }

    private static string Offer(bool write) => write ? "writes one, quorum, all or w=n" : "reads one, quorum, all or r=n";
}
