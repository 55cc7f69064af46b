using System.Globalization;

namespace GrainDb.Faults.Recording;

/// <summary>
/// What a client writes: its number, the number of the write, the length, and that many letters. Whole it is known by its beginning, which is
/// all that a history keeps; half of it, or two mixed, are no value that anybody wrote.
/// </summary>
internal static class WrittenValue
{
    private const char End = ';';
    private const int LettersOfAlphabet = 26;

    /// <returns>Its name, and the text of it.</returns>
    public static (string Name, string Text) Make(int client, int write, int bytes)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{client}.{write}.{bytes}");
        return (name, $"{name}{End}{new string(LetterOf(client), bytes)}");
    }

    /// <summary>The name of a whole value; of anything else a text that is no name.</summary>
    public static string NameOf(string text)
    {
        var end = text.IndexOf(End, StringComparison.Ordinal);
        var name = end < 0 ? "" : text[..end];
        var parts = name.Split('.');
        var isWhole = parts.Length == 3
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var client)
            && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            && text.Length == end + 1 + bytes
            && !text.AsSpan(end + 1).ContainsAnyExcept(LetterOf(client));
        return isWhole ? name : $"damaged: {text}";
    }

    private static char LetterOf(int client) => (char)('a' + (client % LettersOfAlphabet));
}
