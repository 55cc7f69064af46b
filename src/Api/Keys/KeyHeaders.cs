using System.Globalization;
using GrainDb.Api.Idempotency;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>Response headers of the data operations.</summary>
internal static class KeyHeaders
{
    public const string CommitTimestamp = "GrainDb-Commit-Timestamp";
    public const string ReadTimestamp = "GrainDb-Read-Timestamp";
    public const string ServedBy = "GrainDb-Served-By";
    public const string StalenessMs = "GrainDb-Staleness-Ms";
    public const string Replicas = "GrainDb-Replicas";
    public const string Session = KeyRequest.SessionHeader;
    public const string Cursor = "GrainDb-Cursor";

    public static void SetWritten(IHeaderDictionary headers, WriteResult result, Timestamp session)
    {
        headers[CommitTimestamp] = result.Version.ToString();
        IdempotencyKey.SetReplay(headers, result.IsRepeated);
        if (result.Replicas.Count > 0)
            headers[Replicas] = string.Join(", ", result.Replicas.Select(vote => $"{vote.Node}={NameOf(vote.Reply)}"));
        SetServed(headers, result.ServedBy, Timestamp.Later(session, result.Version));
    }

    /// <param name="headers">Of the response.</param>
    /// <param name="read">The snapshot that was read.</param>
    /// <param name="staleness">How old it may be; null for the leader's present, and from a follower that cannot tell.</param>
    /// <param name="servedBy">Null when nobody was reached.</param>
    /// <param name="session">What the request's token says; zero for none.</param>
    public static void SetRead(IHeaderDictionary headers, Timestamp read, TimeSpan? staleness, ServedBy? servedBy, Timestamp session)
    {
        headers[ReadTimestamp] = read.ToString();
        if (StalenessOf(staleness, servedBy) is { } milliseconds)
            headers[StalenessMs] = milliseconds.ToString(CultureInfo.InvariantCulture);
        SetServed(headers, servedBy, Timestamp.Later(session, read));
    }

    /// <summary>Of a commit of several keys.</summary>
    public static void SetCommitted(IHeaderDictionary headers, Timestamp committed, bool isRepeated, Timestamp session)
    {
        headers[CommitTimestamp] = committed.ToString();
        IdempotencyKey.SetReplay(headers, isRepeated);
        SetServed(headers, servedBy: null, Timestamp.Later(session, committed));
    }

    /// <summary>Of a read inside a transaction: how old it is, is the transaction's affair.</summary>
    public static void SetSnapshot(IHeaderDictionary headers, Timestamp read, ServedBy? servedBy, Timestamp session)
    {
        headers[ReadTimestamp] = read.ToString();
        SetServed(headers, servedBy, Timestamp.Later(session, read));
    }

    /// <param name="headers">Of the response.</param>
    /// <param name="servedBy">Null when nobody was reached.</param>
    /// <param name="seen">Highest timestamp that the session has now seen; zero for none.</param>
    public static void SetServed(IHeaderDictionary headers, ServedBy? servedBy, Timestamp seen)
    {
        if (!seen.IsZero)
            headers[Session] = SessionToken.Format(seen);
        if (servedBy is not null)
            headers[ServedBy] = Format(servedBy);
    }

    /// <summary>Whole milliseconds, rounded up: it is a bound. Null when a follower does not know one; a leader's answer is the present.</summary>
    public static long? StalenessOf(TimeSpan? staleness, ServedBy? servedBy) => staleness is null && servedBy is { Role: ReplicaRole.Follower }
        ? null
        : (long)Math.Ceiling(Math.Max(0, staleness.GetValueOrDefault().TotalMilliseconds));

    public static string NameOf(ReplicaRole role) => role == ReplicaRole.Leader ? "leader" : "follower";

    public static string NameOf(ReplicaReply reply) => reply switch
    {
        ReplicaReply.Ok => "ok",
        ReplicaReply.Timeout => "timeout",
        ReplicaReply.Error => "error",
        _ => throw new ArgumentOutOfRangeException(nameof(reply), reply, "Not a reply."),
    };

    public static string Format(ServedBy servedBy) => string.Create(
        CultureInfo.InvariantCulture,
        $"region={servedBy.Region}, range={servedBy.Range.Value}, node={servedBy.Node}, role={NameOf(servedBy.Role)}");
}
