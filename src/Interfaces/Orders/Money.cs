using System.Globalization;

namespace GrainDb.Interfaces.Orders;

/// <summary>An amount of money: whole hundredths of one currency, so that sums are exact. Never negative.</summary>
/// <param name="Hundredths">0 to <see cref="MaxHundredths"/>.</param>
[GenerateSerializer, Immutable, Alias("graindb.money")]
public readonly record struct Money([property: Id(0)] long Hundredths)
{
    /// <summary>Largest amount, 10 trillion: a thousand of them still fit into 64 bits.</summary>
    public const long MaxHundredths = 1_000_000_000_000_000;

    /// <summary>How an amount is written.</summary>
    public const string Syntax = "a decimal number with at most two decimal places, like 9.90, from 0 to 10000000000000";

    /// <summary>Reads a decimal number: digits, and a point with one or two more.</summary>
    public static bool TryParse(string? text, out Money money)
    {
        money = default;
        if (text is null || text.Length is 0 or > 17)
            return false;
        var point = text.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? text : text[..point];
        var fraction = point < 0 ? "" : text[(point + 1)..];
        if (whole.Length == 0 || (point >= 0 && fraction.Length is 0 or > 2) || !whole.All(char.IsAsciiDigit) || !fraction.All(char.IsAsciiDigit))
            return false;
        var hundredths = (Int128.Parse(whole, NumberStyles.None, CultureInfo.InvariantCulture) * 100)
            + int.Parse(fraction.PadRight(2, '0'), NumberStyles.None, CultureInfo.InvariantCulture);
        if (hundredths > MaxHundredths)
            return false;
        money = new Money((long)hundredths);
        return true;
    }

    /// <summary>With two decimal places: <c>9.90</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Hundredths / 100}.{Hundredths % 100:00}");
}
