using System.Globalization;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Grains.Sagas;

/// <summary>Where a list goes on.</summary>
/// <param name="Part">The part of the index.</param>
/// <param name="Resume">The routing key in it; null at its beginning.</param>
internal readonly record struct SagaCursor(int Part, byte[]? Resume)
{
    private const int MaxLength = 1_024;

    public static Failure Invalid => Failure.NotApplied(ErrorCode.InvalidRequest, "the cursor is none that a list gave");

    public static bool TryParse(string? text, out SagaCursor cursor)
    {
        cursor = default;
        if (text is null)
            return true;
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (text.Length > MaxLength || dot < 0 || !int.TryParse(text.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out var part))
            return false;
        try
        {
            var resume = Convert.FromHexString(text.AsSpan(dot + 1));
            cursor = new SagaCursor(part, resume.Length == 0 ? null : resume);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Part}.{Convert.ToHexStringLower(Resume ?? [])}");
}
