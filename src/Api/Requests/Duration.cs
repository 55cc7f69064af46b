using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace GrainDb.Api.Requests;

/// <summary>Durations as text: a whole number and a unit, <c>500ms</c>, <c>60s</c>, <c>15m</c>, <c>1h</c>, <c>7d</c>.</summary>
internal static class Duration
{
    public const string Syntax = "a whole number and a unit: 500ms, 60s, 15m, 1h or 7d";

    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond),
        ("m", TimeSpan.TicksPerMinute),
        ("h", TimeSpan.TicksPerHour),
        ("d", TimeSpan.TicksPerDay),
    ];

    public static bool TryParse([NotNullWhen(true)] string? text, out TimeSpan duration)
    {
        duration = default;
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (digits <= 0 || !long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            return false;
        foreach (var (unit, ticks) in Units)
        {
            if (!text.AsSpan(digits).SequenceEqual(unit) || count > TimeSpan.MaxValue.Ticks / ticks)
                continue;
            duration = TimeSpan.FromTicks(count * ticks);
            return true;
        }

        return false;
    }

    /// <summary>The largest unit that divides the duration; parts of a millisecond are cut off.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration.Ticks == 0)
            return "0s";
        for (var i = Units.Length - 1; i > 0; i--)
        {
            if (duration.Ticks % Units[i].Ticks == 0)
                return string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / Units[i].Ticks}{Units[i].Unit}");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / TimeSpan.TicksPerMillisecond}ms");
    }
}
