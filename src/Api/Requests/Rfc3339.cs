using System.Globalization;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Requests;

/// <summary>Times in JSON: RFC 3339, UTC, milliseconds.</summary>
internal static class Rfc3339
{
    // The last millisecond that a DateTimeOffset can hold; a timestamp reaches further.
    private static readonly long LastMillisecond = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    public static string Format(Timestamp timestamp) => Format(DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(timestamp.Milliseconds, LastMillisecond)));

    public static string Format(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
