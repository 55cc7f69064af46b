using System.Globalization;

namespace GrainDb.Simulation.Transactions;

/// <summary>A list as a value.</summary>
internal static class ListText
{
    public static IReadOnlyList<long> Read(string? value) => value is null ? [] : [.. value.Split(' ').Select(element => long.Parse(element, CultureInfo.InvariantCulture))];

    public static string Append(string? value, long element) => string.Create(CultureInfo.InvariantCulture, $"{value}{(value is null ? "" : " ")}{element}");
}
