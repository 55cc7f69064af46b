using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Changes;

namespace GrainDb.Api.Changes;

/// <summary>One change as JSON, always on one line.</summary>
internal static class ChangeJson
{
    public static string NameOf(FeedChange change) => change.Deleted ? "delete" : "put";

    public static void WriteMembers(Utf8JsonWriter writer, string keyspace, FeedChange change)
    {
        writer.WriteString("keyspace"u8, keyspace);
        JsonValues.WriteKey(writer, change.Key.Span);
        writer.WriteString("version"u8, change.Version.ToString());
        if (!change.Previous.IsZero)
            writer.WriteString("prev"u8, change.Previous.ToString());
        if (!change.Transaction.IsNone)
            writer.WriteString("txnId"u8, change.Transaction.ToString());
        if (change.Deleted)
            return;
        if (!change.ExpiresAt.IsZero)
            writer.WriteString("expiresAt"u8, Rfc3339.Format(change.ExpiresAt));
        writer.WriteString("contentType"u8, MediaType.ToServe(change.ContentType));
        JsonValues.WriteValue(writer, change.ContentType, change.Value.Span);
    }
}
