using System.Globalization;
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
    public const string Session = KeyRequest.SessionHeader;
    public const string Cursor = "GrainDb-Cursor";

    public static void SetWritten(IHeaderDictionary headers, WriteResult result, Timestamp session)
    {
        headers[CommitTimestamp] = result.Version.ToString();
        SetServed(headers, result.ServedBy, Timestamp.Later(session, result.Version));
    }

    public static void SetRead(IHeaderDictionary headers, Timestamp read, ServedBy? servedBy, Timestamp session)
    {
        headers[ReadTimestamp] = read.ToString();
        // The leader answers: what was read is current, or exactly the snapshot that was asked for.
        headers[StalenessMs] = "0";
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

    public static string Format(ServedBy servedBy) => string.Create(
        CultureInfo.InvariantCulture,
        $"region={servedBy.Region}, range={servedBy.Range.Value}, node={servedBy.Node}, role={(servedBy.Role == ReplicaRole.Leader ? "leader" : "follower")}");
}
