using System.Buffers.Text;

namespace GrainDb.LoadTool.Workloads;

/// <summary>The keys of the workloads: <c>k</c> and 8 decimal digits, so that order by bytes is order by number.</summary>
internal static class KeyFormat
{
    /// <summary>Most keys, bounded by the memory for known versions rather than by the digits.</summary>
    public const int MaxKeys = 10_000_000;

    /// <summary>Bytes of a key.</summary>
    public const int Length = 1 + Digits;

    private const int Digits = 8;

    /// <summary>A key as text.</summary>
    public static string Text(int key) => $"k{key:D8}";

    /// <summary>Writes a key.</summary>
    public static void Write(int key, Span<byte> destination)
    {
        destination[0] = (byte)'k';
        key.TryFormat(destination.Slice(1, Digits), out _, "D8");
    }

    /// <summary>Reads a key.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out int key)
    {
        key = 0;
        return text.Length == Length && text[0] == 'k' && Utf8Parser.TryParse(text[1..], out key, out var used) && used == Digits;
    }
}
