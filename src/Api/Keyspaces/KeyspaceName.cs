using System.Buffers;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Keyspaces;

/// <summary>What a keyspace may be called.</summary>
internal static class KeyspaceName
{
    public const string SystemPrefix = "system.";
    public const string Rule = "1 to 64 of a-z 0-9 - _ . and begins with a letter";

    private static readonly SearchValues<char> Characters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.");

    public static bool IsValid(ReadOnlySpan<char> name) =>
        name.Length is >= 1 and <= KeyspaceLimits.MaxNameLength && char.IsAsciiLetterLower(name[0]) && !name.ContainsAnyExcept(Characters);
}
