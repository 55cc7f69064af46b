using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Api.Keys;

/// <summary>
/// Keys and values as operations in JSON bodies name them: <c>key</c> or <c>key64</c>; <c>value</c>, <c>json</c> or <c>value64</c>.
/// The shape (which members are there) is looked at first, apart from what is in them.
/// </summary>
internal static class JsonOperands
{
    /// <summary>What is wrong with the shape of an address; null when nothing is.</summary>
    public static string? AddressProblem(string? keyspace, string? key, string? key64) => (keyspace, key, key64) switch
    {
        (null, _, _) => "names no keyspace",
        (_, null, null) or (_, not null, not null) => "needs exactly one of key and key64",
        _ => null,
    };

    /// <summary>Whether exactly one form of the value is given.</summary>
    public static bool HasOneValue(string? value, JsonElement json, string? value64) => CountValues(value, json, value64) == 1;

    public static int CountValues(string? value, JsonElement json, string? value64) =>
        (value is null ? 0 : 1) + (value64 is null ? 0 : 1) + (HasJson(json) ? 1 : 0);

    /// <summary>Keyspace and key of an address of right shape.</summary>
    /// <exception cref="GrainDbException">Either cannot be, or the keyspace may not be written.</exception>
    public static (string Keyspace, byte[] Key) Address(string keyspace, string? key, string? key64, bool write)
    {
        KeyAddress.CheckKeyspace(keyspace);
        if (write)
            KeyAddress.RefuseSystem(keyspace);
        var bytes = Bytes(key, key64, KeyRequest.Key64Parameter);
        return KeyDecoder.CheckLength(bytes) is { } wrong ? throw new GrainDbException(wrong) : (keyspace, bytes);
    }

    /// <summary>Bytes given as text or, when that is null, as base64url; may be empty or longer than a key.</summary>
    public static byte[] Bytes(string? text, string? base64, string base64Name)
    {
        if (text is not null)
            return Encoding.UTF8.GetBytes(text);
        return KeyDecoder.TryDecodeBase64(base64, base64Name, out var bytes, out var failure) ? bytes : throw new GrainDbException(failure);
    }

    /// <summary>The bytes of a value of right shape.</summary>
    public static byte[] Value(string? value, JsonElement json, string? value64)
    {
        if (HasJson(json))
            return JsonMarshal.GetRawUtf8Value(json).ToArray();
        if (value is not null)
            return Encoding.UTF8.GetBytes(value);
        // Both alphabets are taken: no text is valid in both and means different bytes.
        var text = value64!.Replace('+', '-').Replace('/', '_');
        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, bytes, out _, out var written) != OperationStatus.Done)
            throw BadInput.Request("value64 is not base64url.");
        Array.Resize(ref bytes, written);
        return bytes;
    }

    /// <summary>The value that a put stores, with its media type: the one that is asked for, else by the form.</summary>
    public static (byte[] Value, string ContentType) Stored(string? value, JsonElement json, string? value64, string? contentType, int maxValueBytes)
    {
        var bytes = Value(value, json, value64);
        if (bytes.Length > maxValueBytes)
            throw BadInput.Of(ErrorCode.ValueTooLarge, $"The value has {bytes.Length} bytes; the limit is {maxValueBytes}.");
        return (bytes, MediaType.Check(contentType ?? (HasJson(json) ? MediaType.Json : value is not null ? MediaType.Text : "")));
    }

    private static bool HasJson(JsonElement json) => json.ValueKind != JsonValueKind.Undefined;
}
