using System.Globalization;
using GrainDb.Interfaces.Eventual;

namespace GrainDb.Api.Eventual;

/// <summary>The name of a write as text: the incarnation in 32 hex digits, a dash, the counter. The same write has the same dot everywhere.</summary>
internal static class DotText
{
    private const int ActorLength = 32;

    public static string Format(Dot dot) => string.Create(CultureInfo.InvariantCulture, $"{dot.Actor:N}-{dot.Counter}");

    public static bool TryParse(string text, out Dot dot)
    {
        dot = default;
        if (text.Length <= ActorLength + 1
            || text[ActorLength] != '-'
            || !Guid.TryParseExact(text.AsSpan(0, ActorLength), "N", out var actor)
            || !ulong.TryParse(text.AsSpan(ActorLength + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var counter))
            return false;
        dot = new(actor, counter);
        return true;
    }
}
