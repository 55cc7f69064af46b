using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace GrainDb.Api.Keys;

/// <summary>
/// ASCII as a JSON string, with the same escapes as <see cref="JsonValues.WriterOptions"/> has. The framework's encoder goes character by character once
/// it has met something to escape; here what lies between two escapes is copied in one go.
/// </summary>
internal static class JsonText
{
    private const int LongestEscape = 6;
    private const int BytesOnStack = 1024;

    private static readonly SearchValues<byte> Escaped = SearchValues.Create([.. Enumerable.Range(0, ' ').Select(code => (byte)code), (byte)'"', (byte)'\\', 0x7F]);

    /// <summary>Writes a member.</summary>
    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> ascii)
    {
        writer.WritePropertyName(name);
        var most = 2 + ascii.Length + ((LongestEscape - 1) * CountEscapes(ascii));
        byte[]? rented = null;
        Span<byte> text = most <= BytesOnStack ? stackalloc byte[BytesOnStack] : (rented = ArrayPool<byte>.Shared.Rent(most));
        writer.WriteRawValue(text[..Quote(ascii, text)], skipInputValidation: true);
        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);
    }

    private static int CountEscapes(ReadOnlySpan<byte> ascii)
    {
        var count = 0;
        for (var at = ascii.IndexOfAny(Escaped); at >= 0; at = ascii.IndexOfAny(Escaped))
        {
            count++;
            ascii = ascii[(at + 1)..];
        }

        return count;
    }

    private static int Quote(ReadOnlySpan<byte> ascii, Span<byte> text)
    {
        var length = 0;
        text[length++] = (byte)'"';
        for (var at = ascii.IndexOfAny(Escaped); at >= 0; at = ascii.IndexOfAny(Escaped))
        {
            ascii[..at].CopyTo(text[length..]);
            length += at;
            length += Escape(ascii[at], text[length..]);
            ascii = ascii[(at + 1)..];
        }

        ascii.CopyTo(text[length..]);
        length += ascii.Length;
        text[length++] = (byte)'"';
        return length;
    }

    private static int Escape(byte code, Span<byte> text)
    {
        text[0] = (byte)'\\';
        text[1] = code switch
        {
            (byte)'"' or (byte)'\\' => code,
            (byte)'\b' => (byte)'b',
            (byte)'\t' => (byte)'t',
            (byte)'\n' => (byte)'n',
            (byte)'\f' => (byte)'f',
            (byte)'\r' => (byte)'r',
            _ => (byte)'u',
        };
        if (text[1] != 'u')
            return 2;
        code.TryFormat(text[2..], out var digits, "X4", CultureInfo.InvariantCulture);
        return 2 + digits;
    }
}
