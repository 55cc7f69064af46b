using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary>
/// Keys and values inside JSON. A key is <c>key</c> when its bytes are UTF-8, else <c>key64</c>. A value is <c>json</c> when
/// its media type is JSON and its bytes are one JSON document of at most <see cref="MaxJsonDepth"/> levels; else <c>value</c>
/// when its bytes are UTF-8; else <c>value64</c>. In each form the exact bytes can be had back, except that line breaks between
/// the tokens of <c>json</c> become spaces, which keeps a row of ndjson on its line.
/// </summary>
internal static class JsonValues
{
    /// <summary>Deeper documents travel as text: common parsers stop at 64 levels, of which the envelope takes a few.</summary>
    public const int MaxJsonDepth = 56;

    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = MaxJsonDepth };

    public static void WriteKey(Utf8JsonWriter writer, ReadOnlySpan<byte> key)
    {
        var isAscii = Ascii.IsValid(key);
        if (isAscii || Utf8.IsValid(key))
            WriteText(writer, "key"u8, key, isAscii);
        else
            WriteBase64(writer, "key64"u8, key);
    }

    public static void WriteValue(Utf8JsonWriter writer, string contentType, ReadOnlySpan<byte> value)
    {
        var isAscii = Ascii.IsValid(value);
        if (!isAscii && !Utf8.IsValid(value))
        {
            WriteBase64(writer, "value64"u8, value);
        }
        else if (JsonBody.IsJson(contentType) && IsDocument(value))
        {
            writer.WritePropertyName("json"u8);
            WriteOnOneLine(writer, value);
        }
        else
        {
            WriteText(writer, "value"u8, value, isAscii);
        }
    }

    /// <summary>Writes a version or another timestamp.</summary>
    public static void WriteTimestamp(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Timestamp timestamp)
    {
        Span<byte> digits = stackalloc byte[Timestamp.Digits];
        timestamp.Format(digits);
        writer.WriteString(name, digits);
    }

    /// <summary>Writes bytes as the JSON that they are.</summary>
    /// <returns>False: they are none, or nested too deep. Nothing was written.</returns>
    public static bool TryWriteDocument(Utf8JsonWriter writer, ReadOnlySpan<byte> value)
    {
        if (!Utf8.IsValid(value) || !IsDocument(value))
            return false;
        WriteOnOneLine(writer, value);
        return true;
    }

    public static void WriteBase64(Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> bytes)
    {
        var text = ArrayPool<byte>.Shared.Rent(Base64Url.GetEncodedLength(bytes.Length));
        JsonText.Write(writer, name, text.AsSpan(0, Base64Url.EncodeToUtf8(bytes, text)));
        ArrayPool<byte>.Shared.Return(text);
    }

    private static void WriteText(Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> utf8, bool isAscii)
    {
        if (isAscii)
            JsonText.Write(writer, name, utf8);
        else
            writer.WriteString(name, utf8);
    }

    private static bool IsDocument(ReadOnlySpan<byte> value)
    {
        var reader = new Utf8JsonReader(value, ReaderOptions);
        try
        {
            while (reader.Read())
            {
                // Reading to the end is the check.
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static void WriteOnOneLine(Utf8JsonWriter writer, ReadOnlySpan<byte> document)
    {
        if (document.IndexOfAny((byte)'\n', (byte)'\r') < 0)
        {
            writer.WriteRawValue(document, skipInputValidation: true);
            return;
        }

        // A raw line break can only stand between tokens: inside strings JSON demands escapes.
        var line = document.ToArray();
        line.AsSpan().Replace((byte)'\n', (byte)' ');
        line.AsSpan().Replace((byte)'\r', (byte)' ');
        writer.WriteRawValue(line, skipInputValidation: true);
    }
}
