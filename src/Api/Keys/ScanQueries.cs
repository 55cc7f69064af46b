using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary>What a scan asks for, inside a transaction or not.</summary>
internal static class ScanQueries
{
    public const string CursorParameter = "cursor";

    /// <summary>The query parameters of every scan.</summary>
    public static readonly string[] Parameters =
        ["prefix", "prefix64", "start", "start64", "end", "end64", "limit", "reverse", "keysOnly", CursorParameter];

    /// <summary>The query of a first page.</summary>
    public static ScanQuery Read(QueryParameters parameters, Timestamp asOf)
    {
        var prefix = parameters.Bytes("prefix", "prefix64");
        var start = parameters.Bytes("start", "start64");
        var end = parameters.Bytes("end", "end64");
        if (prefix is not null && (start is not null || end is not null))
            throw BadInput.Request("prefix and start or end exclude each other.");
        // No key lies below an empty end, so it can only mean that there is none.
        if (end is { Length: 0 })
            end = null;
        if (start is not null && end is not null && start.AsSpan().SequenceCompareTo(end) >= 0)
            throw BadInput.Request("start must be below end: start is the first key of the interval, end the first key after it.");

        return new ScanQuery(
            prefix ?? start ?? [],
            prefix is not null ? ScanQuery.EndOfPrefix(prefix) : EndOf(end),
            asOf,
            parameters.Integer("limit", KeyLimits.DefaultScanLimit, 1, KeyLimits.MaxScanLimit),
            parameters.Flag("reverse"),
            parameters.Flag("keysOnly"),
            ResumeKey: null);
    }

    // Spelled out, because a null array converts to an empty memory, which would be an end below every key.
    private static ReadOnlyMemory<byte>? EndOf(byte[]? end)
    {
        if (end is null)
            return null;
        return end;
    }
}
