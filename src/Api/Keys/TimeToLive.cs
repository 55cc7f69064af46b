using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary><c>?ttl=60s</c> and the member <c>ttl</c> of a put in a batch.</summary>
internal static class TimeToLive
{
    /// <summary>Null, which is forever, for null.</summary>
    public static TimeSpan? Parse(string? text)
    {
        if (text is null)
            return null;
        if (!Duration.TryParse(text, out var duration))
            throw BadInput.Request($"ttl is '{QueryParameters.Shorten(text)}'; it must be {Duration.Syntax}.");
        return duration >= KeyLimits.MinTimeToLive && duration <= KeyLimits.MaxTimeToLive
            ? duration
            : throw BadInput.Request(
                $"ttl is '{QueryParameters.Shorten(text)}'; it must be from {Duration.Format(KeyLimits.MinTimeToLive)} to {Duration.Format(KeyLimits.MaxTimeToLive)}.");
    }
}
