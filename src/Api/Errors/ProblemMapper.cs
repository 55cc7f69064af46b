using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Errors;

/// <summary>The one place where failures become HTTP.</summary>
internal static class ProblemMapper
{
    public const string ContentType = "application/problem+json";

    /// <summary>Keys that a conflict names; a transaction may have met others at more.</summary>
    public const int MaxConflictKeys = 100;

    private static readonly TimeSpan DefaultRetryAfter = TimeSpan.FromSeconds(1);
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>
    /// Brings a failure into a form that the contract allows: 503 is only said when nothing was applied, and an
    /// unknown outcome never claims to be certain.
    /// </summary>
    public static Failure Normalize(Failure failure)
    {
        var row = ErrorTable.Of(failure.Code);
        if (row.Status == StatusCodes.Status503ServiceUnavailable && failure.Outcome != Outcome.NotApplied)
            return failure with { Code = ErrorCode.OutcomeUnknown };
        if (failure.Code == ErrorCode.OutcomeUnknown && failure.Outcome != Outcome.Unknown)
            return failure with { Outcome = Outcome.Unknown };
        return failure;
    }

    /// <summary>Answers with the problem document. Must not be called after the response has started.</summary>
    public static async Task WriteAsync(HttpContext context, Failure failure)
    {
        var normal = Normalize(failure);
        var response = context.Response;
        var body = Serialize(normal, TraceIdOf(context));
        response.StatusCode = ErrorTable.Of(normal.Code).Status;
        response.ContentType = ContentType;
        response.ContentLength = body.Length;
        response.Headers.CacheControl = "no-store";
        if (RetryAfterSeconds(normal) is { } seconds)
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(body, context.RequestAborted);
    }

    public static byte[] Serialize(Failure failure, string traceId)
    {
        var row = ErrorTable.Of(failure.Code);
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, $"/problems/{row.Name}");
            writer.WriteString("title"u8, row.Title);
            writer.WriteNumber("status"u8, row.Status);
            WriteMembers(writer, failure);
            writer.WriteString("traceId"u8, traceId);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes the members that a problem document and a failed entry of a batch have in common, except the status.</summary>
    public static void WriteMembers(Utf8JsonWriter writer, Failure failure)
    {
        writer.WriteString("detail"u8, failure.Detail);
        writer.WriteString("code"u8, ErrorTable.Of(failure.Code).Name);
        writer.WriteString("outcome"u8, ErrorTable.NameOf(failure.Outcome));
        writer.WriteBoolean("retryable"u8, failure.Retryable);
        if (failure.Code == ErrorCode.VersionMismatch)
        {
            if (failure.CurrentVersion.IsZero)
                writer.WriteNull("currentVersion"u8);
            else
                writer.WriteString("currentVersion"u8, failure.CurrentVersion.ToString());
        }

        if (failure.Code == ErrorCode.SnapshotTooOld || (failure.Code == ErrorCode.CursorCompacted && !failure.GcThreshold.IsZero))
            writer.WriteString("gcThreshold"u8, failure.GcThreshold.ToString());
        if (failure.Code == ErrorCode.TransactionConflict || (failure.Code == ErrorCode.NotAnInteger && failure.Keys.Count > 0))
            WriteKeys(writer, failure.Keys);
        if (failure.Code == ErrorCode.OutcomeUnknown && failure.Transaction is { } transaction)
            writer.WriteString("txnId"u8, transaction.ToString());
    }

    private static void WriteKeys(Utf8JsonWriter writer, IReadOnlyList<ConflictKey> keys)
    {
        writer.WriteStartArray("keys"u8);
        foreach (var key in keys.Take(MaxConflictKeys))
        {
            writer.WriteStartObject();
            writer.WriteString("keyspace"u8, key.Keyspace);
            JsonValues.WriteKey(writer, key.Key.Span);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>
    /// Whole seconds, rounded up, for the codes that carry <c>Retry-After</c>; null for the others. A conflict is over when it is told: who waits a whole second for it, and all
    /// the others with him, only meets them again.
    /// </summary>
    public static long? RetryAfterSeconds(Failure failure)
    {
        if (failure.RetryAfter is null && (!failure.Retryable || failure.Code == ErrorCode.TransactionConflict))
            return null;
        return Math.Max(1, (long)Math.Ceiling((failure.RetryAfter ?? DefaultRetryAfter).TotalSeconds));
    }

    public static string TraceIdOf(HttpContext context) => Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;
}
