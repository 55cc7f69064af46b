using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace GrainDb.Api.Changes;

/// <summary>What a request for changes says.</summary>
/// <param name="Keyspace">A well-formed keyspace name.</param>
/// <param name="Prefix">Of the keys; empty for all.</param>
/// <param name="Hash">What its cursors carry.</param>
/// <param name="From">Behind which position; null for now.</param>
/// <param name="Wait">How long a long poll waits; null for a stream.</param>
/// <param name="Timeout">Budget of the opening.</param>
internal sealed record WatchRequest(string Keyspace, byte[] Prefix, ulong Hash, FeedPosition? From, TimeSpan? Wait, TimeSpan Timeout)
{
    public const string FromParameter = "from";
    public const string WaitParameter = "wait";
    public const string LastEventIdHeader = "Last-Event-ID";

    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    private static readonly string[] Parameters = ["prefix", "prefix64", FromParameter, WaitParameter];

    /// <exception cref="GrainDbException">Something is wrong with it.</exception>
    public static WatchRequest Read(HttpContext context, TimeProvider time)
    {
        var keyspace = KeyAddress.CheckKeyspace((string)context.GetRouteValue("keyspace")!);
        var query = QueryParameters.Read(context, Parameters);
        var prefix = query.Bytes("prefix", "prefix64") ?? [];
        var hash = FeedCursor.Hash(keyspace, prefix);
        return new(keyspace, prefix, hash, ReadFrom(context.Request.Headers, query, hash, time), ReadWait(query), KeyRequest.ReadTimeout(context.Request.Headers));
    }

    /// <summary>A stream that was cut off comes again with the same address and the id of its last event, which then counts.</summary>
    private static FeedPosition? ReadFrom(IHeaderDictionary headers, QueryParameters query, ulong hash, TimeProvider time)
    {
        if (Headers.Single(headers, LastEventIdHeader) is { Length: > 0 } last)
            return FeedCursor.Parse(last, LastEventIdHeader, hash, time);
        return query.Text(FromParameter) is { } from ? FeedCursor.Parse(from, FromParameter, hash, time) : null;
    }

    private static TimeSpan? ReadWait(QueryParameters query)
    {
        if (query.Text(WaitParameter) is not { } text)
            return null;
        return Duration.TryParse(text, out var wait) && wait <= MaxWait
            ? wait
            : throw BadInput.Request($"{WaitParameter} is '{QueryParameters.Shorten(text)}'; it must be {Duration.Syntax}, at most {Duration.Format(MaxWait)}.");
    }
}
