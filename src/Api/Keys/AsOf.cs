using System.Globalization;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary>
/// <c>?asOf=</c>: a timestamp (16 hex digits) or an RFC 3339 time. A time means the end of its millisecond: all that was
/// committed in or before it is visible.
/// </summary>
internal static class AsOf
{
    /// <summary>
    /// How far a snapshot may lie ahead of this node's clock. Nodes' clocks differ by less; what is further ahead has no
    /// answer that would stay true.
    /// </summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromSeconds(1);

    private static readonly string[] Formats =
    [
        "yyyy-MM-dd'T'HH:mm:ssK",
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK",
        "yyyy-MM-dd' 'HH:mm:ssK",
        "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFK",
    ];

    /// <summary>The snapshot; zero, which is now, for null.</summary>
    public static Timestamp Parse(string? text, TimeProvider time)
    {
        if (text is null)
            return Timestamp.Zero;
        if (!TryParse(text, out var timestamp))
            throw BadInput.Request($"asOf is '{QueryParameters.Shorten(text)}'; it must be a timestamp of 16 hex digits or an RFC 3339 time with its offset (write + as %2B).");
        if (timestamp.IsZero)
            throw BadInput.Request("asOf is 0, before every version.");
        if (IsInFuture(timestamp, time))
            throw BadInput.Request($"asOf is '{QueryParameters.Shorten(text)}', which is in the future.");
        return timestamp;
    }

    /// <summary>Reads either form, whatever it says.</summary>
    public static bool TryParse(string text, out Timestamp timestamp) => Timestamp.TryParse(text, out timestamp) || TryParseTime(text, out timestamp);

    /// <summary>Whether a snapshot lies further ahead than nodes' clocks differ.</summary>
    public static bool IsInFuture(Timestamp timestamp, TimeProvider time) => timestamp.Milliseconds > time.GetUtcNow().Add(MaxAhead).ToUnixTimeMilliseconds();

    private static bool TryParseTime(string text, out Timestamp timestamp)
    {
        timestamp = default;
        var hasOffset = text.EndsWith('Z') || text.EndsWith('z') || (text.Length > 6 && text[^6] is '+' or '-' && text[^3] == ':');
        if (!hasOffset
            || !DateTimeOffset.TryParseExact(text.ToUpperInvariant(), Formats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)
            || time.ToUnixTimeMilliseconds() is < 0 or > Timestamp.MaxMilliseconds)
            return false;
        timestamp = Timestamp.FromParts(time.ToUnixTimeMilliseconds(), ushort.MaxValue);
        return true;
    }
}
